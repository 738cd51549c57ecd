"""Campaigns of one organization side by side, and how many viewers came back from one to the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Sum

from config.rounding import whole_minutes
from drops.domain.watch.figures import totals
from drops.models import Campaign, CampaignPair, RewardHour, UncountedHour, WatchHour
from fulfillment.domain.analytics.fulfilment import Times, arrived_by
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.tables import Cell, Table, moment
from fulfillment.models import ClaimHour, FulfilmentHour

# Side by side, and offered to choose from: the latest.
MOST, MOST_OFFERED = 6, 60


@dataclass(frozen=True, slots=True)
class Compared:
    """`hours`: those in which somebody watched. `came_back`: viewers who had also watched `before`, the organization's
    campaign before: 0 where there is none, None where they are fewer than five."""

    campaign: Campaign
    before: Campaign | None
    seconds: int
    viewers: int
    channels: int
    hours: int
    qualified: int
    claims: int
    uncounted_seconds: int
    arrived: Times
    came_back: int | None

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds)

    @property
    def uncounted_minutes(self) -> int:
        return whole_minutes(self.uncounted_seconds)

    @property
    def minutes_each(self) -> int | None:
        """On average; None without a viewer."""
        return self.minutes // self.viewers if self.viewers else None

    @property
    def share_back(self) -> float | None:
        """Of its viewers, 0 to 1; None where it is not told."""
        return self.came_back / self.viewers if self.came_back is not None and self.viewers else None


def comparable(organization_id: str) -> list[Campaign]:
    """The public campaigns, the latest first. One query."""
    public = Campaign.objects.filter(
        organization=organization_id, published_at__isnull=False, test_mode=False
    )
    return list(public.order_by("-starts_at", "-pk")[:MOST_OFFERED])


def compared(campaigns: Sequence[Campaign], *, among: Sequence[Campaign]) -> list[Compared]:
    """Each of `campaigns`, which are some of `among` (`comparable`), in their order. Seven queries."""
    ids = [campaign.pk for campaign in campaigns]
    before = {
        campaign.pk: next((other for other in among if _is_before(other, campaign)), None)
        for campaign in campaigns
    }
    watched = totals(campaigns)
    spread = {
        campaign_id: (channels, hours)
        for campaign_id, channels, hours in WatchHour.objects.filter(campaign__in=ids, test=False)
        .order_by()
        .values_list("campaign")
        .annotate(Count("channel", distinct=True), Count("hour", distinct=True))
    }
    qualified = _sums(RewardHour, ids, "qualified", test=False)
    claims = _sums(ClaimHour, ids, "claims", test=False)
    lost = _sums(UncountedHour, ids, "seconds")
    arrived = arrived_by(FulfilmentHour.objects.filter(campaign__in=ids), "campaign")
    common = in_common({pk for each in campaigns for pk in (each.pk, _pk(before[each.pk])) if pk})
    return [
        Compared(
            campaign=campaign,
            before=before[campaign.pk],
            seconds=watched[campaign.pk].seconds,
            viewers=watched[campaign.pk].viewers,
            channels=spread.get(campaign.pk, (0, 0))[0],
            hours=spread.get(campaign.pk, (0, 0))[1],
            qualified=qualified.get(campaign.pk, 0),
            claims=claims.get(campaign.pk, 0),
            uncounted_seconds=lost.get(campaign.pk, 0),
            arrived=arrived.get(campaign.pk, Times()),
            came_back=shown(common.get(frozenset((campaign.pk, _pk(before[campaign.pk]))), 0)),
        )
        for campaign in campaigns
    ]


def _is_before(other: Campaign, campaign: Campaign) -> bool:
    return (other.starts_at, other.pk) < (campaign.starts_at, campaign.pk)


def _pk(campaign: Campaign | None) -> str:
    return campaign.pk if campaign is not None else ""


def _sums(model: type, campaign_ids: Collection[str], column: str, **which: bool) -> Mapping[str, int]:
    rows = model.objects.filter(campaign__in=campaign_ids, **which).order_by()  # type: ignore[attr-defined]
    return dict(rows.values_list("campaign").annotate(Sum(column)))


def in_common(campaign_ids: Collection[str]) -> Mapping[frozenset[str], int]:
    """Viewers of each two of the campaigns. One query."""
    found: defaultdict[frozenset[str], int] = defaultdict(int)
    pairs = CampaignPair.objects.filter(first__in=campaign_ids, second__in=campaign_ids)
    for first, second, viewers in pairs.values_list("first", "second", "viewers"):
        found[frozenset((first, second))] = viewers
    return found


COLUMNS = (
    "campaign_id",
    "name",
    "starts_at",
    "ends_at",
    "watched_minutes",
    "viewers",
    "channels",
    "hours",
    "qualified",
    "claims",
    "uncounted_minutes",
    "arrived",
    "arrived_p50_ms",
    "arrived_p95_ms",
    "before_id",
    "came_back",
)


def comparison_table(rows: Sequence[Compared]) -> Table:
    found: list[tuple[Cell, ...]] = [
        (
            each.campaign.pk,
            each.campaign.name,
            moment(each.campaign.starts_at),
            moment(each.campaign.ends_at),
            each.minutes,
            each.viewers,
            each.channels,
            each.hours,
            each.qualified,
            each.claims,
            each.uncounted_minutes,
            each.arrived.claims,
            each.arrived.p50_ms,
            each.arrived.p95_ms,
            _pk(each.before) or None,
            each.came_back,
        )
        for each in rows
    ]
    return Table(COLUMNS, found)

"""What viewers may see of campaigns and of who streams for them. Every function costs a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.domain.permissions import organizations_of
from accounts.models import User
from drops.domain.watch_timeline import Facts, Terms, judge
from drops.models import (
    AllowedChannel,
    Campaign,
    CampaignPhase,
    CampaignReward,
    Category,
    Channel,
    Livestream,
    Progress,
    Reward,
    WatchInterval,
)
from drops.models.campaigns import PUBLIC_PHASES, CampaignQuerySet

CLOSED_LISTED_FOR = timedelta(days=30)
HISTORY_PAGE = timedelta(days=7)


class Shelf(models.TextChoices):
    """How the list of campaigns is divided, each part in the order of what happens next."""

    LIVE = "live", _("Active")
    UPCOMING = "upcoming", _("Upcoming")
    ENDED = "ended", _("Ended")

    @property
    def phases(self) -> tuple[CampaignPhase, ...]:
        return SHELVES[self][0]

    @property
    def ordering(self) -> str:
        return SHELVES[self][1]


SHELVES = {
    Shelf.LIVE: ((CampaignPhase.LIVE,), "ends_at"),
    Shelf.UPCOMING: ((CampaignPhase.ANNOUNCED,), "starts_at"),
    Shelf.ENDED: ((CampaignPhase.GRACE, CampaignPhase.CLOSED), "-closes_at"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """An attached reward and how far a viewer has come: whole minutes, at most those required."""

    attached: CampaignReward
    minutes: int

    @property
    def reward(self) -> Reward:
        return self.attached.reward

    @property
    def required_minutes(self) -> int:
        return self.attached.required_minutes

    @property
    def is_earned(self) -> bool:
        return self.minutes >= self.required_minutes

    @property
    def minutes_left(self) -> int:
        return self.required_minutes - self.minutes


@dataclass(frozen=True, slots=True)
class CampaignCard:
    """A campaign as one viewer sees it now.

    `seconds` is the viewer's watch time, None without any (and for visitors who are not signed in).
    `thresholds` begin with the one that needs the fewest minutes. `channel_count` 0: any channel.
    """

    campaign: Campaign
    phase: CampaignPhase
    seconds: int | None
    thresholds: tuple[Threshold, ...]
    channel_count: int

    @property
    def minutes(self) -> int:
        return (self.seconds or 0) // 60

    @property
    def next_threshold(self) -> Threshold | None:
        """The first reward that is not earned yet, None when all are."""
        return next((threshold for threshold in self.thresholds if not threshold.is_earned), None)

    @property
    def earned_count(self) -> int:
        return sum(threshold.is_earned for threshold in self.thresholds)


def visible_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Campaigns that `viewer` may look at: public ones of active organizations.

    Those in test mode only if the viewer is a member of the organization.
    """
    takes_part = Q(test_mode=False)
    if viewer is not None:
        takes_part |= Q(organization__in=organizations_of(viewer))
    return Campaign.objects.in_phase(*PUBLIC_PHASES, now=now).filter(
        takes_part, organization__approved_at__isnull=False, organization__suspended_at__isnull=True
    )


def listed_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Visible campaigns without those that closed more than 30 days ago."""
    return visible_campaigns(now=now, viewer=viewer).filter(closes_at__gt=now - CLOSED_LISTED_FOR)


def shelf_counts(campaigns: CampaignQuerySet) -> dict[Shelf, int]:
    """How many of the campaigns (with their phase annotated) stand on each shelf. One query."""
    counts = campaigns.aggregate(
        **{shelf.value: Count("pk", filter=Q(("phase_now__in", shelf.phases))) for shelf in Shelf}
    )
    return {shelf: counts[shelf.value] for shelf in Shelf}


def live_campaigns(*, now: datetime, viewer: User | None = None) -> CampaignQuerySet:
    """Visible campaigns in which watch time counts now."""
    return visible_campaigns(now=now, viewer=viewer).filter(Q(("phase_now", CampaignPhase.LIVE)))


def open_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Campaigns whose own page `viewer` may open: the visible ones, however long ago they closed.

    A withdrawn one stays open to those who watched for it: they may have something to claim.
    """
    visible = Q(pk__in=visible_campaigns(now=now, viewer=viewer).values("pk"))
    if viewer is not None:
        watched = Exists(Progress.objects.filter(campaign=OuterRef("pk"), viewer=viewer))
        visible |= Q(watched, withdrawn_at__isnull=False)
    return Campaign.objects.filter(visible)


def campaign_cards(
    campaigns: Iterable[Campaign], *, now: datetime, viewer: User | None
) -> list[CampaignCard]:
    """The campaigns as `viewer` sees them, in the given order: three queries, however many there are.

    Load the campaigns with `select_related("organization", "category")`: a card names both.
    """
    campaigns = list(campaigns)
    seconds = seconds_watched(campaigns, viewer=viewer)
    attached = defaultdict(list)
    for campaign_reward in (
        CampaignReward.objects.filter(campaign__in=campaigns)
        .select_related("reward")
        .order_by("required_minutes", "position")
    ):
        attached[campaign_reward.campaign_id].append(campaign_reward)
    channel_counts = dict(
        AllowedChannel.objects.filter(campaign__in=campaigns)
        .order_by()
        .values_list("campaign")
        .annotate(Count("pk"))
    )
    return [
        CampaignCard(
            campaign=campaign,
            phase=campaign.phase(now),
            seconds=seconds.get(campaign.pk),
            thresholds=thresholds(attached[campaign.pk], seconds=seconds.get(campaign.pk, 0)),
            channel_count=channel_counts.get(campaign.pk, 0),
        )
        for campaign in campaigns
    ]


def thresholds(attached: Iterable[CampaignReward], *, seconds: int) -> tuple[Threshold, ...]:
    """How far `seconds` of watch time go towards each attached reward."""
    return tuple(
        Threshold(attached=campaign_reward, minutes=min(seconds // 60, campaign_reward.required_minutes))
        for campaign_reward in attached
    )


def seconds_watched(campaigns: Iterable[Campaign], *, viewer: User | None) -> dict[str, int]:
    """Watch time by campaign id; campaigns the viewer has none for are left out."""
    if viewer is None:
        return {}
    return dict(
        Progress.objects.filter(viewer=viewer, campaign__in=campaigns).values_list("campaign", "seconds")
    )


def livestreams_on_air() -> QuerySet[Livestream]:
    """All that is being streamed, most watched first."""
    return Livestream.objects.filter(ended_at__isnull=True).order_by("-viewer_count", "-started_at", "pk")


def categories_on_air() -> QuerySet[Category]:
    """The categories that somebody is streaming in."""
    return Category.objects.filter(
        Exists(Livestream.objects.filter(category=OuterRef("pk"), ended_at__isnull=True))
    )


def livestreams_for(campaign: Campaign) -> QuerySet[Livestream]:
    """The streams on air whose watch time counts for `campaign` while it is live, most watched first.

    `watch_timeline.judge` as one query.
    """
    streams = livestreams_on_air()
    if campaign.category_id is not None:
        streams = streams.filter(category=campaign.category_id)
    if AllowedChannel.objects.filter(campaign=campaign).exists():
        streams = streams.filter(channel__allowed_in__campaign=campaign)
    else:
        streams = streams.filter(channel__opted_out_at__isnull=True)
    return streams


def campaigns_touching(channel: Channel, *, now: datetime) -> list[tuple[Campaign, bool]]:
    """The running and announced campaigns that `channel` can take part in, soonest to end first.

    True: the channel is on the campaign's allow-list, and cannot leave it. False: it is open to all.
    """
    allowed = AllowedChannel.objects.filter(campaign=OuterRef("pk"))
    campaigns = (
        visible_campaigns(now=now, viewer=channel.owner)
        .filter(Q(("phase_now__in", (CampaignPhase.ANNOUNCED, CampaignPhase.LIVE))))
        .annotate(is_limited=Exists(allowed), is_allowed=Exists(allowed.filter(channel=channel)))
        .filter(Q(is_limited=False) | Q(is_allowed=True))
        .select_related("organization", "category")
        .order_by("ends_at", "pk")
    )
    return [(campaign, campaign.is_allowed) for campaign in campaigns]


def campaigns_on(
    livestreams: Iterable[Livestream], *, now: datetime, viewer: User | None
) -> dict[int, list[Campaign]]:
    """The campaigns that count on each livestream now, by livestream id: two queries.

    Load the livestreams with their channel.
    """
    campaigns = list(
        live_campaigns(now=now, viewer=viewer)
        .select_related("organization", "category")
        .order_by("ends_at", "pk")
    )
    allowed = defaultdict(set)
    for campaign_id, channel_id in AllowedChannel.objects.filter(campaign__in=campaigns).values_list(
        "campaign", "channel"
    ):
        allowed[campaign_id].add(channel_id)
    terms = [
        Terms(
            campaign_id=campaign.pk,
            organization_id=campaign.organization_id,
            category_id=campaign.category_id,
            test_mode=campaign.test_mode,
            channel_ids=frozenset(allowed[campaign.pk]) or None,
        )
        for campaign in campaigns
    ]

    def counting_on(stream: Livestream) -> list[Campaign]:
        facts = Facts(
            channel_id=stream.channel_id,
            livestream_id=stream.pk,
            category_id=stream.category_id,
            opted_out=stream.channel.opted_out_at is not None,
        )
        # A campaign in test mode is among the live ones only if the viewer is a member.
        return [
            campaign
            for campaign, asked in zip(campaigns, terms, strict=True)
            if judge(facts, asked, is_member=True) is None
        ]

    return {stream.pk: counting_on(stream) for stream in livestreams}


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """A day (in UTC) of a viewer's watch history, the latest visit first."""

    date: date
    visits: tuple[WatchInterval, ...]

    @property
    def counted_seconds(self) -> int:
        return sum(visit.credited_seconds for visit in self.visits)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The days of one week, the latest first. `has_older`: there is more before `since`."""

    days: tuple[WatchedDay, ...]
    since: date
    has_older: bool


def watch_history(*, viewer: User, before: datetime) -> HistoryPage:
    """The last week that `viewer` watched in before `before`. Weeks without a visit are passed over."""
    visits = WatchInterval.objects.filter(viewer=viewer, started_at__lt=before).order_by("-started_at", "-pk")
    latest = visits.values_list("started_at", flat=True).first()
    if latest is None:
        return HistoryPage((), before.date(), has_older=False)
    since = latest.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - HISTORY_PAGE
    shown = (
        visits.filter(started_at__gte=since)
        .select_related("channel", "standing__category")
        .prefetch_related("standing__campaigns")
    )
    days = groupby(shown, key=lambda visit: visit.started_at.date())
    return HistoryPage(
        days=tuple(WatchedDay(day, tuple(visits_of_day)) for day, visits_of_day in days),
        since=since.date(),
        has_older=visits.filter(started_at__lt=since).exists(),
    )

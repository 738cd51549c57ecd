"""The campaigns that viewers may see, and how far a viewer has come.

Every function costs a constant number of queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Count, Exists, Max, OuterRef, Q
from django.db.models.fields.files import ImageFieldFile
from django.utils.translation import gettext_lazy as _

from accounts.domain.permissions import Action, organizations_of
from accounts.models import OrganizationState, User
from config.rounding import whole_minutes
from drops.models import (
    AllowedChannel,
    Campaign,
    CampaignPhase,
    CampaignReward,
    Progress,
    Reward,
)
from drops.models.campaigns import PUBLIC_PHASES, CampaignQuerySet, in_phases

CLOSED_LISTED_FOR = timedelta(days=30)


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
    """An attached reward and how far a viewer has come: whole minutes, at most those required.

    `too_late`: it can no longer be earned, though the campaign is live.
    """

    attached: CampaignReward
    minutes: int
    too_late: bool

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
    `thresholds` begin with the one that needs the fewest minutes. `left`: how long watch time will still
    count, zero where it does not count now. `channel_count` 0: any channel.
    """

    campaign: Campaign
    phase: CampaignPhase
    seconds: int | None
    thresholds: tuple[Threshold, ...]
    left: timedelta
    channel_count: int

    @property
    def minutes(self) -> int:
        return whole_minutes(self.seconds or 0)

    @property
    def next_threshold(self) -> Threshold | None:
        """The first reward that is not earned yet, None when all are."""
        return next((threshold for threshold in self.thresholds if not threshold.is_earned), None)

    @property
    def last_in_reach(self) -> Threshold | None:
        """The reward with the most minutes that can still be earned, None when none can."""
        open_ones = [each for each in self.thresholds if not each.is_earned and not each.too_late]
        return open_ones[-1] if self.left and open_ones else None

    @property
    def earned_count(self) -> int:
        return sum(threshold.is_earned for threshold in self.thresholds)


def visible_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Campaigns that `viewer` may look at: public ones of active organizations.

    Those in test mode only if the viewer is a member of the organization.
    """
    takes_part = Q(test_mode=False)
    if viewer is not None:
        takes_part |= Q(organization__in=organizations_of(viewer, who_may=Action.TEST))
    return Campaign.objects.in_phase(*PUBLIC_PHASES, now=now).filter(
        takes_part, OrganizationState.ACTIVE.of("organization__")
    )


def listed_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Visible campaigns without those that closed more than 30 days ago."""
    return visible_campaigns(now=now, viewer=viewer).filter(closes_at__gt=now - CLOSED_LISTED_FOR)


def shelf_counts(campaigns: CampaignQuerySet) -> dict[Shelf, int]:
    """How many of the campaigns (with their phase annotated) stand on each shelf. One query."""
    counts = campaigns.aggregate(
        **{shelf.value: Count("pk", filter=in_phases(*shelf.phases)) for shelf in Shelf}
    )
    return {shelf: counts[shelf.value] for shelf in Shelf}


def live_campaigns(*, now: datetime, viewer: User | None = None) -> CampaignQuerySet:
    """Visible campaigns in which watch time counts now."""
    return visible_campaigns(now=now, viewer=viewer).filter(in_phases(CampaignPhase.LIVE))


def new_campaigns(*, now: datetime, viewer: User) -> CampaignQuerySet:
    """The campaigns in which watch time counts now and `viewer` has none yet, the latest first."""
    begun = Progress.objects.filter(campaign=OuterRef("pk"), viewer=viewer)
    return live_campaigns(now=now, viewer=viewer).exclude(Exists(begun)).order_by("-starts_at", "-pk")


def finishable(campaigns: CampaignQuerySet, *, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Those of `campaigns` (with their phase annotated) whose rewards are not all earned and can all be earned in the
    time that is left, or that there will be once they start."""
    open_ones = campaigns.filter(in_phases(CampaignPhase.LIVE, CampaignPhase.ANNOUNCED)).annotate(
        last=Max("campaign_rewards__required_minutes")
    )
    found = list(open_ones.exclude(last=None).values_list("pk", "starts_at", "ends_at", "last"))
    seconds = seconds_watched([pk for pk, *_rest in found], viewer=viewer)
    return campaigns.filter(
        pk__in=[
            pk
            for pk, starts_at, ends_at, last in found
            if timedelta()
            < timedelta(minutes=last, seconds=-seconds.get(pk, 0))
            <= ends_at - max(starts_at, now)
        ]
    )


def open_campaigns(*, now: datetime, viewer: User | None) -> CampaignQuerySet:
    """Campaigns whose own page `viewer` may open: the visible ones, however long ago they closed.

    A withdrawn one stays open to those who watched for it: they may have something to claim.
    """
    visible = Q(pk__in=visible_campaigns(now=now, viewer=viewer).values("pk"))
    if viewer is not None:
        watched = Exists(Progress.objects.filter(campaign=OuterRef("pk"), viewer=viewer))
        visible |= Q(watched, withdrawn_at__isnull=False)
    return Campaign.objects.filter(visible)


def picture_of(cards: Iterable[CampaignCard]) -> ImageFieldFile | None:
    """The first picture of a reward, for previews of links."""
    rewards = (threshold.reward for card in cards for threshold in card.thresholds)
    return next((reward.image for reward in rewards if reward.image), None)


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
    cards = []
    for campaign in campaigns:
        phase = campaign.phase(now)
        left = campaign.ends_at - now if phase.watchable else timedelta()
        cards.append(
            CampaignCard(
                campaign=campaign,
                phase=phase,
                seconds=seconds.get(campaign.pk),
                thresholds=_thresholds(attached[campaign.pk], seconds=seconds.get(campaign.pk, 0), left=left),
                left=left,
                channel_count=channel_counts.get(campaign.pk, 0),
            )
        )
    return cards


def _thresholds(
    attached: Iterable[CampaignReward], *, seconds: int, left: timedelta
) -> tuple[Threshold, ...]:
    """How far `seconds` of watch time go towards each attached reward, of which so much can be `left`."""
    return tuple(
        Threshold(
            attached=each,
            minutes=min(whole_minutes(seconds), each.required_minutes),
            too_late=bool(left) and timedelta(minutes=each.required_minutes, seconds=-seconds) > left,
        )
        for each in attached
    )


def seconds_watched(campaigns: Iterable[Campaign | str], *, viewer: User | None) -> dict[str, int]:
    """Watch time by campaign id; campaigns the viewer has none for are left out."""
    if viewer is None:
        return {}
    return dict(
        Progress.objects.filter(viewer=viewer, campaign__in=campaigns).values_list("campaign", "seconds")
    )

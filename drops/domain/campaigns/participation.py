"""Which livestreams count for which campaigns. Every function costs a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

from accounts.models import User
from drops.domain.campaigns.reading import live_campaigns, visible_campaigns
from drops.domain.catalogue.livestreams import livestreams_on_air
from drops.domain.watch.terms import Facts, Terms, judge
from drops.models import (
    AllowedChannel,
    Campaign,
    CampaignPhase,
    Channel,
    Livestream,
    Progress,
)
from drops.models.campaigns import in_phases

OFFERED = 3
LOOKED_AT = 50


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


def best_streams(campaigns: Iterable[Campaign], *, viewer: User) -> dict[str, Livestream]:
    """The most watched stream of `livestreams_for` by campaign id, none of `viewer`'s own. Two queries."""
    allowed = AllowedChannel.objects.filter(campaign=OuterRef(OuterRef("pk")))
    streams = (
        livestreams_on_air()
        .exclude(channel__owner=viewer)
        .filter(Q(category=OuterRef("category")) | Q(IsNull(OuterRef("category"), True)))
        .filter(
            Q(Exists(allowed.filter(channel=OuterRef("channel"))))
            | Q(~Exists(allowed), channel__opted_out_at__isnull=True)
        )
    )
    best = dict(
        Campaign.objects.filter(pk__in=[campaign.pk for campaign in campaigns])
        .annotate(best=Subquery(streams.values("pk")[:1]))
        .exclude(best=None)
        .values_list("pk", "best")
    )
    found = Livestream.objects.select_related("channel__owner").in_bulk(set(best.values()))
    return {campaign_id: found[stream_id] for campaign_id, stream_id in best.items()}


def campaigns_touching(channel: Channel, *, now: datetime) -> list[tuple[Campaign, bool]]:
    """The running and announced campaigns that `channel` can take part in, soonest to end first.

    True: the channel is on the campaign's allow-list, and cannot leave it. False: it is open to all.
    """
    allowed = AllowedChannel.objects.filter(campaign=OuterRef("pk"))
    campaigns = (
        visible_campaigns(now=now, viewer=channel.owner)
        .filter(in_phases(CampaignPhase.ANNOUNCED, CampaignPhase.LIVE))
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


def counting_elsewhere(
    channel: Channel, *, now: datetime, viewer: User | None
) -> list[tuple[Livestream, list[Campaign]]]:
    """A few streams of others that count now, with the campaigns: those that `viewer` has begun come first, then the
    most watched. Four queries."""
    live = live_campaigns(now=now, viewer=viewer)
    of_any_category = Exists(live.filter(category=None))
    streams = list(
        livestreams_on_air()
        .filter(Q(category__in=live.values("category")) | Q(of_any_category))
        .exclude(channel=channel)
        .exclude(channel__owner=viewer)
        .select_related("channel__owner", "category")[:LOOKED_AT]
    )
    campaigns = campaigns_on(streams, now=now, viewer=viewer)
    counting = [(stream, campaigns[stream.pk]) for stream in streams if campaigns[stream.pk]]
    begun = set(Progress.objects.filter(viewer=viewer, campaign__in=live).values_list("campaign", flat=True))
    counting.sort(key=lambda each: not any(campaign.pk in begun for campaign in each[1]))
    return counting[:OFFERED]

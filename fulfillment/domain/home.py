"""What there is to do for a viewer who comes back. Every function costs a constant number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from drops.domain.campaigns.participation import campaigns_on
from drops.domain.campaigns.reading import CampaignCard, campaign_cards, new_campaigns
from drops.domain.catalogue.livestreams import watched_since
from drops.models import Campaign, Livestream
from fulfillment.domain.claims.inventory import Entry, inventory

WATCHED_LATELY = timedelta(days=30)
STREAMS_SHOWN = 3
IN_PROGRESS_SHOWN = 3
NEW_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Home:
    """`ready`: earned, to be claimed. `streams`: on air, of channels that were watched lately, with what counts on
    each; those that count come first. `in_progress`: begun, the next reward that needs least time first. `new`:
    campaigns that count now and were not begun, the latest first.
    """

    ready: tuple[Entry, ...]
    streams: tuple[tuple[Livestream, list[Campaign]], ...]
    in_progress: tuple[Entry, ...]
    new: tuple[CampaignCard, ...]


def home(*, viewer: User, now: datetime) -> Home:
    """See `Home`. Each part is a short one: the inventory and the lists of campaigns and channels have all."""
    owned = inventory(viewer=viewer, now=now)
    streams = watched_since(now - WATCHED_LATELY, viewer=viewer)
    campaigns = campaigns_on(streams, now=now, viewer=viewer)
    streams.sort(key=lambda stream: not campaigns[stream.pk])
    new = new_campaigns(now=now, viewer=viewer).select_related("organization", "category")
    return Home(
        ready=owned.ready,
        streams=tuple((stream, campaigns[stream.pk]) for stream in streams[:STREAMS_SHOWN]),
        in_progress=tuple(sorted(owned.in_progress, key=_minutes_to_go)[:IN_PROGRESS_SHOWN]),
        new=tuple(campaign_cards(new[:NEW_SHOWN], now=now, viewer=viewer)),
    )


def _minutes_to_go(entry: Entry) -> int:
    return min(threshold.minutes_left for threshold in entry.thresholds)

"""What a campaign asks of a stream, and whether a stream meets it.

Watch time is judged by the terms that held when it was watched. A beat is credited a second after
it was accepted, or much later when crediting is behind, and it earns up to 150 s of the time before
it: an edit in between must neither take that time away nor count it by the new terms.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from drops.models import Campaign, FormerTerms, Reason


def remember_terms(*, campaign: Campaign, now: datetime) -> None:
    """Keep the terms of a published campaign. Call it before changing them, in the same transaction,
    with `campaign` as it was read from the database."""
    if campaign.published_at is None:
        return
    FormerTerms.objects.create(
        campaign=campaign,
        until=now,
        category_id=campaign.category_id,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        test_mode=campaign.test_mode,
        channel_ids=list(campaign.allowed_channels.values_list("channel_id", flat=True)),
    )


class Facts(NamedTuple):
    """What a channel was doing."""

    channel_id: int
    livestream_id: int | None
    category_id: int | None
    opted_out: bool


class Terms(NamedTuple):
    """What a live campaign asks for. `channel_ids` None: global."""

    campaign_id: str
    organization_id: str
    category_id: int | None
    test_mode: bool
    channel_ids: frozenset[int] | None


class Counted(NamedTuple):
    """A campaign that a stream counts for; `test`: in test mode, which is kept apart in its figures."""

    campaign_id: str
    test: bool


class Missed(NamedTuple):
    """A campaign that a stream does not count for, though its channel or its category is the campaign's."""

    campaign_id: str
    reason: Reason


def judge(facts: Facts, terms: Terms, *, is_member: bool) -> Reason | None:
    """Why watching does not count for one live campaign; None: it counts."""
    if facts.livestream_id is None:
        return Reason.STREAM_OFFLINE
    if terms.category_id not in (None, facts.category_id):
        return Reason.WRONG_CATEGORY
    if terms.channel_ids is not None and facts.channel_id not in terms.channel_ids:
        return Reason.NOT_ALLOW_LISTED
    if terms.channel_ids is None and facts.opted_out:
        return Reason.STREAMER_OPTED_OUT
    if terms.test_mode and not is_member:
        return Reason.TEST_MODE
    return None

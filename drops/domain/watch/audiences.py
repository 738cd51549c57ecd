"""What the streaming platform reports: its channels, and who watches them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.domain import audit
from accounts.models import OAuthApp, User
from drops.domain.catalogue.channels import move_name
from drops.domain.watch import news
from drops.domain.watch.beats import Beat, CreditResult
from drops.domain.watch.credit import credit
from drops.models import Channel
from drops.models.fields import to_ms

# The platform's clock and ours may differ by this much.
MAX_AHEAD = timedelta(seconds=5)
# An older report tells nothing any more: its viewers' sessions have ended.
MAX_AGE = timedelta(minutes=10)


class PlatformChannel(NamedTuple):
    user_id: int
    slug: str
    description: str


@transaction.atomic
def upsert_channels(*, channels: Sequence[PlatformChannel], now: datetime, actor: OAuthApp) -> dict[int, int]:
    """Open the channels that are new, change the others; their ids by their owner's.

    ValidationError, with the owner's id in its message, and nothing is changed.
    """
    owners = User.objects.filter(is_active=True).in_bulk([channel.user_id for channel in channels])
    existing = {channel.owner_id: channel for channel in Channel.objects.filter(owner__in=owners)}
    ids = {}
    for wanted in channels:
        if wanted.user_id not in owners:
            raise ValidationError(f"{wanted.user_id}: there is no such user.")
        channel = existing.setdefault(wanted.user_id, Channel(owner=owners[wanted.user_id]))
        is_new = channel.pk is None
        if is_new or (channel.slug, channel.description) != wanted[1:]:
            before = channel.slug
            channel.slug, channel.description = wanted.slug.lower(), wanted.description
            try:
                channel.full_clean()
            except ValidationError as error:
                raise ValidationError(f"{wanted.user_id}: {' '.join(error.messages)}") from None
            channel.save()
            if (
                before and channel.slug != before
            ):  # the platform's word counts, whoever had the address before
                move_name(channel, before=before, now=now)
            audit.record("channel.created" if is_new else "channel.described", channel, by=actor, at=now)
        ids[wanted.user_id] = channel.pk
    return ids


def credit_audiences(*, audiences: Mapping[int, Sequence[int]], at: datetime, now: datetime) -> CreditResult:
    """Credit everybody who watched at `at`: viewers by channel. ValidationError for a moment that cannot be.

    A report that comes again, or late, credits nothing twice: each viewer's time is counted once.
    """
    if at > now + MAX_AHEAD:
        raise ValidationError("at: lies in the future. Send the time at which you looked.")
    if at < now - MAX_AGE:
        raise ValidationError(f"at: lies more than {MAX_AGE.seconds // 60} minutes back.")
    # Never ahead of our own clock: what is credited has passed.
    moment = to_ms(min(at, now))
    news.tell_credited({viewer_id for viewer_ids in audiences.values() for viewer_id in viewer_ids})
    return credit(
        [
            Beat(viewer_id, channel_id, moment)
            for channel_id, viewer_ids in audiences.items()
            for viewer_id in viewer_ids
        ],
        now=now,
    )

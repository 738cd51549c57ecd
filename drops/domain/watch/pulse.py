"""A word for how things stand on a channel, so that a page can ask often whether anything has changed."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from django.core.cache import cache

from drops.domain.watch import timeline
from drops.models import Channel, Livestream
from drops.models.fields import to_ms

# In seconds: however many viewers ask, the database is asked once in so long for a channel.
KEPT = 5


def pulse_of(slug: str, *, now: datetime) -> str:
    """Another word once the channel's stream, its title or category, or what it counts for is another.

    It is the same for all viewers, up to `KEPT` old, and "" where there is no such channel.
    """
    key = f"pulse:{slug}:{int(now.timestamp()) // KEPT}"
    pulse: str | None = cache.get(key)
    if pulse is None:
        pulse = _pulse(slug, now)
        cache.set(key, pulse, 2 * KEPT)
    return pulse


def _pulse(slug: str, now: datetime) -> str:
    channel_id = Channel.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if channel_id is None:
        return ""
    moment = to_ms(now)
    laid_out = timeline.load(
        channel_ids=[channel_id], viewer_ids=[], start=moment, end=moment + 1, write=False
    )
    *_span, piece = next(laid_out.walk(channel_id, moment, moment))
    verdict = piece.verdicts[frozenset()]
    title = (
        Livestream.objects.filter(pk=piece.facts.livestream_id or 0).values_list("title", flat=True).first()
    )
    standing = (tuple(piece.facts), verdict.campaigns, verdict.reason, title)
    return blake2b(repr(standing).encode(), digest_size=8).hexdigest()

"""A word for how things stand on a channel, so that a page can ask often whether anything has changed."""

from __future__ import annotations

from datetime import datetime

from django.core.cache import cache

from drops.domain.watch.following import on_named_channels
from drops.models import Channel

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
    return on_named_channels(slugs={channel_id: slug}, now=now)[channel_id].pulse

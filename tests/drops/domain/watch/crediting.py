"""Beats that are credited one by one, and what they earned."""

from datetime import timedelta

from drops.domain.watch.beats import Beat, BeatKind
from drops.domain.watch.credit import credit
from drops.models import Progress, WatchInterval
from drops.models.fields import to_ms
from tests.factories import NOW


def beats(viewer, channel, *seconds, kind=BeatKind.WATCH, **more):
    """Credit one beat at each of these seconds after NOW, each on its own."""
    for second in seconds:
        moment = NOW + timedelta(seconds=second)
        credit([Beat(viewer.pk, channel.pk, to_ms(moment), kind, **more)], now=moment)


def seconds_of(viewer, campaign):
    return (
        Progress.objects.filter(viewer=viewer, campaign=campaign).values_list("seconds", flat=True).first()
        or 0
    )


def rows_of(viewer):
    return list(
        WatchInterval.objects.filter(viewer=viewer)
        .order_by("started_at", "pk")
        .values_list("channel__slug", "reason", "credited_seconds")
    )

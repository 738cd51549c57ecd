"""Livestreams: what is on air, how it starts, changes and ends, and streamers who take no part in campaigns."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit
from accounts.domain.audit import Actor
from accounts.domain.verbs import change
from accounts.models import User
from config.locks import lock
from drops.domain.watch import news, store
from drops.models import Category, Channel, FormerCategory, FormerOptOut, Livestream, WatchInterval
from drops.models.fields import to_ms


def livestreams_on_air() -> QuerySet[Livestream]:
    """All that is being streamed, most watched first."""
    return Livestream.objects.filter(ended_at__isnull=True).order_by("-viewer_count", "-started_at", "pk")


def livestreams_of(channel: Channel) -> QuerySet[Livestream]:
    """All streams of a channel: the one on air, then the last ones."""
    return channel.livestreams.order_by(F("ended_at").desc(nulls_first=True), "-pk")


def categories_on_air() -> QuerySet[Category]:
    """The categories that somebody is streaming in."""
    return Category.objects.filter(
        Exists(Livestream.objects.filter(category=OuterRef("pk"), ended_at__isnull=True))
    )


def watched_since(since: datetime, *, viewer: User) -> list[Livestream]:
    """What is on air of the channels that `viewer` has visited since, the last visited first. Two queries."""
    visits = WatchInterval.objects.filter(viewer=viewer, started_at__gte=since)
    last_visits = dict(visits.order_by().values_list("channel").annotate(Max("started_at")))
    streams = livestreams_on_air().filter(channel__in=last_visits).exclude(channel__owner=viewer)
    return sorted(
        streams.select_related("channel__owner", "category"),
        key=lambda stream: last_visits[stream.channel_id],
        reverse=True,
    )


SESSION_SILENCE = timedelta(seconds=150)


@transaction.atomic
def go_live(
    *, channel: Channel, category: Category | None, title: str, now: datetime, actor: Actor
) -> Livestream:
    """Start a livestream. A channel that is live already changes to this category and title. PermissionDenied."""
    _refuse_streamers(actor)
    lock(channel)  # two starts at once would make two livestreams
    current = channel.livestreams.filter(ended_at__isnull=True).first()
    if current is not None:
        return change_livestream(livestream=current, category=category, title=title, now=now, actor=actor)
    livestream = Livestream(channel=channel, category=category, title=title, started_at=now)
    livestream.full_clean()
    livestream.save()
    news.tell_channel(channel.pk)
    audit.record(
        "livestream.started",
        livestream,
        by=actor,
        at=now,
        data={"channel": channel.slug, "category": category.name if category else None, "title": title},
    )
    return livestream


@transaction.atomic
def change_livestream(
    *, livestream: Livestream, category: Category | None, title: str, now: datetime, actor: Actor
) -> Livestream:
    """Set category and title. What was watched before `now` is judged by the category before. PermissionDenied."""
    _refuse_streamers(actor)
    livestream = lock(livestream)
    if livestream.ended_at is not None or (livestream.category, livestream.title) == (category, title):
        return livestream
    if livestream.category != category:
        FormerCategory.objects.create(livestream=livestream, category=livestream.category, until=now)
    livestream.category, livestream.title = category, title
    livestream.full_clean()
    livestream.save(update_fields=["category", "title"])
    news.tell_channel(livestream.channel_id)
    data = {"category": category.name if category else None, "title": title}
    audit.record("livestream.changed", livestream, by=actor, at=now, data=data)
    return livestream


@transaction.atomic
def end_livestream(*, livestream: Livestream, now: datetime, actor: Actor) -> Livestream:
    """End a livestream; one that ended already stays as it is."""
    livestream = lock(livestream)
    if livestream.ended_at is not None:
        return livestream
    news.tell_channel(livestream.channel_id)
    # A clock that stepped back must not end a stream before it started.
    ended_at = max(now, livestream.started_at)
    return change(livestream, "livestream.ended", by=actor, at=now, ended_at=ended_at, viewer_count=0)


@transaction.atomic
def set_opt_out(*, channel: Channel, opted_out: bool, now: datetime, actor: Actor) -> Channel:
    """Leave global campaigns, or come back to them. Allow-lists are not touched by it."""
    channel = lock(channel)
    if opted_out == (channel.opted_out_at is not None):
        return channel
    news.tell_channel(channel.pk)
    if channel.opted_out_at is not None:
        FormerOptOut.objects.create(channel=channel, started_at=channel.opted_out_at, ended_at=now)
    event, at = ("channel.opted_out", now) if opted_out else ("channel.opted_in", None)
    return change(channel, event, by=actor, at=now, opted_out_at=at)


def count_viewers(*, now: datetime) -> None:
    """Note on every livestream on air how many viewers have a session there."""
    store.count_viewers(since=to_ms(now - SESSION_SILENCE))


def _refuse_streamers(actor: Actor) -> None:
    """Where the platform reports who is live, nobody declares themselves live: there may be no video to watch."""
    if isinstance(actor, User) and not settings.STREAMERS_GO_LIVE:
        raise PermissionDenied(
            _("The platform reports when you are live and in which category. You cannot set that here.")
        )

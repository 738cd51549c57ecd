"""A streamer's channel: opened, described, and emptied when its owner's account is deleted."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, images
from accounts.models import User
from config.locks import lock
from drops.domain.catalogue import livestreams
from drops.models import Channel

BANNER_SIZE = (1280, 720)


@transaction.atomic
def create_channel(*, owner: User, slug: str, description: str, now: datetime) -> Channel:
    """Make `owner` a streamer. ValidationError where they have a channel, or the address is taken."""
    if Channel.objects.filter(owner=owner).exists():
        raise ValidationError(_("You already have a channel."), code="has_channel")
    channel = Channel(owner=owner, slug=slug.lower(), description=description)
    channel.full_clean()
    channel.save()
    audit.record("channel.created", channel, by=owner, at=now)
    return channel


@transaction.atomic
def describe_channel(*, channel: Channel, description: str, now: datetime, actor: User) -> Channel:
    """Say something else of the channel. PermissionDenied where its owner deleted the account meanwhile."""
    channel = _lock(channel)
    channel.description = description
    channel.full_clean()
    channel.save(update_fields=["description"])
    audit.record("channel.described", channel, by=actor, at=now)
    return channel


def change_banner(*, channel: Channel, banner: File | None, now: datetime, actor: User) -> Channel:
    """Show `banner` where the channel is listed, or none. ValidationError where it is not a picture.

    PermissionDenied where the owner deleted the account meanwhile: the picture would outlive it.
    """
    wanted = images.prepare_image(banner, size=BANNER_SIZE) if banner else ""
    with transaction.atomic():
        # Of two uploads at once, the later one sees and drops the banner of the earlier.
        channel = _lock(channel)
        images.drop(channel.banner)
        channel.banner = wanted
        channel.save(update_fields=["banner"])
        audit.record("channel.banner_changed", channel, by=actor, at=now)
    return channel


def empty_channel(*, user: User, now: datetime, **signal: object) -> None:
    """Receives `account_deleted`: the stream ends; name, description and banner are gone.

    The row stays: watch time and allow-lists name it.
    """
    found = Channel.objects.filter(owner=user).first()
    if found is None:
        return
    channel = lock(found)
    livestream = channel.livestreams.filter(ended_at=None).first()
    if livestream is not None:
        livestreams.end_livestream(livestream=livestream, now=now, actor=user)
    images.drop(channel.banner)
    channel.slug = f"deleted_{token_hex(8)}"
    channel.description = ""
    channel.banner = ""
    channel.full_clean()
    channel.save()


def _lock(channel: Channel) -> Channel:
    """The person before the channel, as where an account is deleted."""
    if lock(channel.owner).deleted_at is not None:
        raise PermissionDenied(_("This account was deleted."))
    return lock(channel)

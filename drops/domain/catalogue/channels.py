"""A streamer's channel: opened, described, and emptied when its owner's account is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from secrets import token_hex

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit, images, names, permissions
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained
from accounts.models import User
from config.locks import lock
from drops.domain.catalogue import livestreams
from drops.models import Channel, FormerChannelName

BANNER_SIZE = (1280, 720)


@transaction.atomic
def create_channel(*, owner: User, slug: str, description: str, now: datetime) -> Channel:
    """Make `owner` a streamer. ValidationError where they have a channel, or the address is taken."""
    if Channel.objects.filter(owner=owner).exists():
        raise ValidationError(_("You already have a channel."), code="has_channel")
    channel = Channel(owner=owner, slug=slug.lower(), description=description)
    channel.full_clean()
    _refuse_former_name(channel)
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


@transaction.atomic
def rename_channel(*, channel: Channel, slug: str, reason: str, now: datetime, actor: User) -> Channel:
    """Give the channel another address, as an operator. The present one leads there, and no other channel gets it.

    ValidationError without a reason, and for an address that is taken, is reserved, was another channel's or is none.
    """
    permissions.require_operator(actor, Action.OPERATE)
    channel = _lock(channel)
    before, channel.slug = channel.slug, slug.strip().lower()
    if channel.slug == before:
        raise ValidationError({"slug": _("The channel has this address already.")})
    if names.skeleton(channel.slug) in names.RESERVED:
        raise ValidationError({"slug": _("This address is reserved. Choose another one.")})
    channel.full_clean()
    _refuse_former_name(channel)
    data = {"before": before, "after": channel.slug, **explained(reason)}
    move_name(channel, before=before, now=now)
    channel.save(update_fields=["slug"])
    audit.record("channel.renamed", channel, by=actor, at=now, data=data)
    return channel


def move_name(channel: Channel, *, before: str, now: datetime) -> None:
    """Keep the address that the channel had `before`. The one that it has now is nobody's former one any more."""
    FormerChannelName.objects.filter(slug=channel.slug).delete()
    FormerChannelName.objects.update_or_create(slug=before, defaults={"channel": channel, "until": now})


def why_not_rename(channel: Channel, now: datetime) -> str:
    return _("The streamer deleted the account.") if channel.owner.deleted_at is not None else ""


def of_renaming(channel: Channel, now: datetime) -> list[Consequence]:
    return [
        Consequence(_("Links to the present address lead to the new one, in pages and in the API.")),
        Consequence(
            _("Allow-lists, streams and watch time stay the channel's. Viewers see the new name at once.")
        ),
        Consequence(_("No other channel can take the present address.")),
    ]


def channels_by_name(slugs: Iterable[str]) -> QuerySet[Channel]:
    """Those that have, or had, one of these addresses. Their streamers have not deleted the account."""
    asked = [slug.lower() for slug in slugs if "\0" not in slug]
    former = FormerChannelName.objects.filter(slug__in=asked).values("channel")
    return Channel.objects.filter(Q(slug__in=asked) | Q(pk__in=former), owner__deleted_at=None)


def channel_by_name(slug: str) -> Channel | None:
    """The one that has, or else had, this address."""
    if "\0" in slug:
        return None
    channels = Channel.objects.select_related("owner")
    slug = slug.lower()
    return channels.filter(slug=slug).first() or channels.filter(former_names__slug=slug).first()


def _refuse_former_name(channel: Channel) -> None:
    if FormerChannelName.objects.filter(slug=channel.slug).exclude(channel=channel.pk).exists():
        raise ValidationError({"slug": _("This address was another channel's, and leads to it.")})


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
    channel.former_names.all().delete()
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

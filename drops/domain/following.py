"""What viewers follow: campaigns, studios, games and channels. Nobody but the viewer learns of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Organization, OrganizationState, User
from config.locks import lock
from drops.domain.campaigns.reading import open_campaigns
from drops.models import FOLLOWED, Campaign, Category, Channel, Follow

MOST = 500
PAGE = 50


class NothingThere(Exception):
    """The viewer cannot see such a thing."""


def thing_of(
    what: str, key: str, *, viewer: User, now: datetime
) -> Campaign | Organization | Category | Channel:
    """NothingThere"""
    things: Mapping[str, QuerySet[Any]] = {
        "campaign": open_campaigns(now=now, viewer=viewer),
        "organization": Organization.objects.filter(OrganizationState.ACTIVE.of()),
        "category": Category.objects.all(),
        "channel": Channel.objects.all(),
    }
    try:
        found: Campaign | Organization | Category | Channel | None = things[what].filter(pk=key).first()
    except (KeyError, ValueError, ValidationError):
        found = None
    if found is None:
        raise NothingThere
    return found


@transaction.atomic
def follow(*, viewer: User, thing: Model, now: datetime) -> None:
    """Twice is once. ValidationError for more than MOST."""
    viewer = lock(viewer)
    own = Follow.objects.filter(viewer=viewer)
    if own.filter(**_of(thing)).exists():
        return
    if own.count() >= MOST:
        raise ValidationError(_("You can follow at most %(count)d. End one of them first.") % {"count": MOST})
    Follow.objects.create(viewer=viewer, created_at=now, **_of(thing))


def unfollow(*, viewer: User, what: str, key: str) -> None:
    """Whether or not the viewer can see the thing still. NothingThere for a `what` or `key` that can be nothing's."""
    if what not in FOLLOWED:
        raise NothingThere
    try:
        Follow.objects.filter(viewer=viewer, **{f"{what}__pk": key}).delete()
    except (ValueError, ValidationError):
        raise NothingThere from None


def followed(*things: Model | None, viewer: User | None) -> set[Model]:
    """Those of `things` that the viewer follows. One query."""
    present = [thing for thing in things if thing is not None]
    if viewer is None or not present:
        return set()
    these = reduce(or_, (Q(**_of(thing)) for thing in present))
    ids = Follow.objects.filter(these, viewer=viewer).values_list(*(f"{name}_id" for name in FOLLOWED))
    known = {(name, key) for row in ids for name, key in zip(FOLLOWED, row, strict=True) if key is not None}
    return {thing for thing in present if (*_of(thing), thing.pk) in known}


def page_of(*, viewer: User, before: int | None) -> tuple[list[Follow], int | None]:
    """What the viewer follows, the latest first, and what to pass for the next page. One query."""
    found = Follow.objects.filter(viewer=viewer).select_related(*FOLLOWED)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    return rows[:PAGE], rows[PAGE - 1].pk if len(rows) > PAGE else None


def move_category(*, category: Category, into: Category) -> int:
    """Whoever follows a category that was merged follows the other one. Returns how many."""
    rows = Follow.objects.filter(category=category)
    twice = rows.filter(viewer__in=Follow.objects.filter(category=into).values("viewer"))
    twice.delete()
    return rows.update(category=into)


def forget_follows(*, user: User, **_: Any) -> None:
    """Receives `account_deleted`."""
    Follow.objects.filter(viewer=user).delete()


def _of(thing: Model) -> dict[str, Model]:
    return {str(thing._meta.model_name): thing}

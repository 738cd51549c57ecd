"""Two categories that are one game become one.

Whatever referred to the first refers to the second from then on, past and present alike: campaigns, rewards, streams,
and what watch time is judged by. So a beat that is on its way is judged as if there had always been one category, and
counts for no campaign less than before. Nobody is credited meanwhile: the partitions are locked, and beats wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _, ngettext

from accounts.domain import audit, permissions
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained
from accounts.models import User
from drops.domain.following import move_category
from drops.domain.watch import store
from drops.models import (
    Campaign,
    Category,
    ChannelState,
    FormerCategory,
    FormerTerms,
    Livestream,
    Reward,
)

# Every model that refers to a category; a test compares it with the models.
REFERRING: tuple[type[Model], ...] = (Campaign, Reward, Livestream, ChannelState, FormerCategory, FormerTerms)
# A request that had read the category before the merge may still write a row of it for so long.
LATE = timedelta(hours=1)


@transaction.atomic
def merge_categories(
    *, category: Category, into: Category, reason: str, now: datetime, actor: User
) -> Category:
    """Make `category` one with `into`, which stays. Returns `into`.

    ValidationError without a reason, and where organizations other than the one that claims `into` have campaigns or
    rewards in `category`: it is transferred first.
    """
    permissions.require_operator(actor, Action.OPERATE)
    # Partitions before categories: crediting holds the first while it reads the second.
    store.lock_partitions(range(settings.WATCH_PARTITIONS))
    rows = Category.every.select_for_update(no_key=True, of=("self",)).select_related("organization")
    locked = {row.pk: row for row in rows.filter(pk__in=[category.pk, into.pk]).order_by("pk")}
    category, into = locked[category.pk], locked[into.pk]
    if category == into:
        raise ValidationError({"into": _("Choose another category.")})
    if category.merged_into_id or into.merged_into_id:
        raise ValidationError(_("One of them was merged already."))
    if into.organization is None:
        into.organization = category.organization
        into.save(update_fields=["organization"])
    _refuse_others(category, into)
    data = {"name": category.name, "into": into.name, **explained(reason)}
    moved = _move(category, into)
    Category.every.filter(merged_into=category).update(merged_into=into)
    category.organization, category.merged_into, category.merged_at = None, into, now
    category.save(update_fields=["organization", "merged_into", "merged_at"])
    audit.record(
        "category.merged", category, by=actor, at=now, organization=into.organization, data={**data, **moved}
    )
    return into


def why_not_merge(category: Category, now: datetime) -> str:
    return _("It was merged into another category.") if category.merged_into_id else ""


def of_merging(category: Category, now: datetime) -> list[Consequence]:
    """What moves, with names where campaigns are concerned."""
    campaigns = list(
        Campaign.objects.filter(category=category).order_by("-starts_at").values_list("name", flat=True)[:11]
    )
    rewards = Reward.objects.filter(category=category).count()
    found = [
        Consequence(_("Streams and watch time go on counting, as if there had always been one category.")),
        Consequence(_("Its ID and its slug go on standing for the other one. That cannot be undone.")),
    ]
    if campaigns:
        named = ", ".join([f"“{name}”" for name in campaigns[:10]] + ["…"] * (len(campaigns) > 10))
        found.append(
            Consequence(_("These campaigns count in the other category: %(names)s.") % {"names": named})
        )
    if rewards:
        text = ngettext("%(count)d reward moves with it.", "%(count)d rewards move with it.", rewards)
        found.append(Consequence(text % {"count": rewards}))
    return found


def finish(*, now: datetime) -> int:
    """Move what was written late by those who had not seen a merge. Returns how many rows."""
    moved = 0
    for category in Category.every.filter(merged_at__gt=now - LATE).select_related("merged_into"):
        if category.merged_into is not None:
            with transaction.atomic():
                moved += sum(_move(category, category.merged_into).values())
    return moved


def _move(category: Category, into: Category) -> dict[str, int]:
    """How many rows, by the plural of what they are."""
    moved: dict[str, int] = {}
    for model in REFERRING:
        rows: Any = model._default_manager.filter(category=category)
        if count := rows.update(category=into):
            moved[f"{model._meta.model_name}s"] = count
    if count := move_category(category=category, into=into):
        moved["follows"] = count
    return moved


def _refuse_others(category: Category, into: Category) -> None:
    for model in (Campaign, Reward):
        others: Any = model._default_manager.filter(category=category).exclude(organization=into.organization)
        if found := others.select_related("organization").first():
            text = _("%(organization)s has “%(row)s” in “%(category)s”, and does not claim “%(into)s”.")
            raise ValidationError(
                text % {"organization": found.organization, "row": found, "category": category, "into": into}
            )

"""Rewards: things of a game that viewers can earn. Made before a campaign, archived, never deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, goes_ahead, lock_for
from accounts.models import Organization
from drops.domain.campaigns import promises
from drops.domain.catalogue import categories, pictures
from drops.models import Category, Reward

# What stays as it is once viewers were promised the reward.
FIXED = ("category", "external_id")


@transaction.atomic
def create_reward(
    *,
    organization: Organization,
    name: str,
    category: Category,
    external_id: str,
    image: File | None,
    now: datetime,
    actor: Actor,
) -> Reward:
    """A new reward of `category`, which must be `categories.usable`. ValidationError per field."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_REWARDS)
    reward = Reward(organization=organization, name=name, category=category, external_id=external_id)
    _save(reward, image, now)
    audit.record("reward.created", reward, by=actor, at=now, data=_described(reward))
    return reward


@transaction.atomic
def change_reward(
    *,
    reward: Reward,
    name: str,
    category: Category,
    external_id: str,
    image: File | None,
    now: datetime,
    actor: Actor,
    confirmed: bool = False,
) -> Reward:
    """Replace what `reward` says; `image` None keeps the present one. ValidationError per field.

    What viewers were promised is kept: once a campaign with the reward has started, its category and its
    external ID stay as they are, and its name and picture change only where that is `confirmed`.
    """
    reward = lock_for(reward, actor=actor, action=Action.CHANGE_REWARDS)
    if campaigns := promised_in(reward, now=now):
        wanted = {"name": name, "category": category, "external_id": external_id, "image": image}
        _refuse_broken_promises(reward, wanted, campaigns, confirmed=confirmed)
    promised = promises.with_reward(reward, now=now)
    for campaign in promised:
        promises.begin(campaign, now=now)
    before = _described(reward)
    reward.name, reward.category, reward.external_id = name, category, external_id
    _save(reward, image, now)
    for campaign in promised:
        promises.note(campaign, promises.CHANGED, now=now)
    after = _described(reward)
    data: dict[str, object] = {
        field: [before[field], after[field]] for field in after if before[field] != after[field]
    }
    if image:
        data["image"] = reward.image.name
    if data:
        audit.record("reward.changed", reward, by=actor, at=now, data=data)
    return reward


def with_the_same_external_id(reward: Reward) -> Reward | None:
    """Another reward in use whose claims the studio could not tell from those of `reward`."""
    if not reward.external_id:
        return None
    others = Reward.objects.filter(
        organization=reward.organization_id, external_id=reward.external_id, archived_at=None
    )
    return others.exclude(pk=reward.pk).order_by("pk").first()


def promised_in(reward: Reward, *, now: datetime) -> list[str]:
    """The names of the campaigns, at most ten, that have started with `reward`: viewers were promised it."""
    started = reward.campaign_rewards.filter(
        campaign__published_at__isnull=False, campaign__starts_at__lte=now
    ).order_by("-campaign__starts_at")
    return list(started.values_list("campaign__name", flat=True)[:10])


def fixed_fields(reward: Reward) -> list[str]:
    """What can no longer be changed of a reward that viewers were promised: what it says already."""
    return [name for name in FIXED if getattr(reward, name)]


def _refuse_broken_promises(
    reward: Reward, wanted: Mapping[str, Any], campaigns: Sequence[str], *, confirmed: bool
) -> None:
    names = ", ".join(campaigns)
    errors = {}
    for field in fixed_fields(reward):
        if wanted[field] != getattr(reward, field):
            errors[field] = _(
                "Viewers were promised this reward in %(campaigns)s. You can no longer change this."
            )
    for field in ("name", "image"):
        changes = bool(wanted["image"]) if field == "image" else wanted["name"] != reward.name
        if changes and not confirmed:
            errors[field] = _(
                "Viewers were promised this reward in %(campaigns)s. Make a new reward, or confirm in the "
                "dashboard that they will see the change."
            )
    if errors:
        raise ValidationError({field: text % {"campaigns": names} for field, text in errors.items()})


@transaction.atomic
def amend_reward(
    *, reward: Reward, changes: Mapping[str, Any], now: datetime, actor: Actor, confirmed: bool = False
) -> Reward:
    """`change_reward` in the fields that are in `changes`.

    Concurrent calls that change different fields are both applied.
    """
    reward = lock_for(reward, actor=actor, action=Action.CHANGE_REWARDS)
    fields: dict[str, Any] = {
        "name": reward.name,
        "category": reward.category,
        "external_id": reward.external_id,
        "image": None,
    }
    return change_reward(reward=reward, now=now, actor=actor, confirmed=confirmed, **(fields | dict(changes)))


@transaction.atomic
def archive_reward(*, reward: Reward, now: datetime, actor: Actor) -> Reward:
    """Take `reward` out of use. ValidationError while a campaign that is not over hands it out."""
    reward = lock_for(reward, actor=actor, action=Action.CHANGE_REWARDS)
    if not goes_ahead(why_not_archive(reward, now)):
        return reward
    running = reward.campaign_rewards.filter(
        campaign__published_at__isnull=False, campaign__closes_at__gt=now
    ).select_related("campaign")
    if names := ", ".join(attached.campaign.name for attached in running):
        raise ValidationError(
            _("“%(reward)s” can be archived once these campaigns have closed: %(campaigns)s."),
            params={"reward": reward.name, "campaigns": names},
        )
    return change(reward, "reward.archived", by=actor, at=now, archived_at=now)


def why_not_archive(reward: Reward, now: datetime) -> str:
    return "" if reward.archived_at is None else ALREADY


@transaction.atomic
def restore_reward(*, reward: Reward, now: datetime, actor: Actor) -> Reward:
    """Bring an archived reward back into use."""
    reward = lock_for(reward, actor=actor, action=Action.CHANGE_REWARDS)
    if not goes_ahead(why_not_restore(reward, now)):
        return reward
    return change(reward, "reward.restored", by=actor, at=now, archived_at=None)


def why_not_restore(reward: Reward, now: datetime) -> str:
    return ALREADY if reward.archived_at is None else ""


def _described(reward: Reward) -> dict[str, str]:
    """For the audit trail."""
    return {"name": reward.name, "category": reward.category.name, "external_id": reward.external_id}


def _save(reward: Reward, image: File | None, now: datetime) -> None:
    reward.full_clean(exclude=["image"])
    if not categories.is_usable(reward.category, reward):
        raise ValidationError({"category": _("Choose a category that your organization claims.")})
    if image:
        pictures.keep(reward, image, now=now)
    reward.save()

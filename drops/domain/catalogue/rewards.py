"""Rewards: things of a game that viewers can earn. Made before a campaign, archived, never deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, images, permissions
from accounts.domain.permissions import Action
from accounts.models import OAuthApp, Organization, User
from config.locks import lock
from drops.models import Category, Reward

IMAGE_SIZE = (512, 512)
Actor = User | OAuthApp | None


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
    """A new reward of `category`, which `organization` must claim. ValidationError per field."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_REWARDS)
    reward = Reward(organization=organization, name=name, category=category, external_id=external_id)
    _save(reward, image)
    audit.record(
        "reward.created",
        reward,
        by=actor,
        at=now,
        data={"name": name, "category": category.name, "external_id": external_id},
    )
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
    permissions.require(actor=actor, organization=reward.organization, action=Action.CHANGE_REWARDS)
    reward = lock(reward)
    if campaigns := promised_in(reward, now=now):
        wanted = {"name": name, "category": category, "external_id": external_id, "image": image}
        _refuse_broken_promises(reward, wanted, campaigns, confirmed=confirmed)
    before = {"name": reward.name, "category": reward.category.name, "external_id": reward.external_id}
    reward.name, reward.category, reward.external_id = name, category, external_id
    _save(reward, image)
    after = {"name": name, "category": category.name, "external_id": external_id}
    data: dict[str, object] = {
        field: [before[field], after[field]] for field in after if before[field] != after[field]
    }
    if image:
        data["image"] = reward.image.name
    if data:
        audit.record("reward.changed", reward, by=actor, at=now, data=data)
    return reward


def promised_in(reward: Reward, *, now: datetime) -> list[str]:
    """The names of the campaigns, at most ten, that have started with `reward`: viewers were promised it."""
    started = reward.campaign_rewards.filter(
        campaign__published_at__isnull=False, campaign__starts_at__lte=now
    ).order_by("-campaign__starts_at")
    return list(started.values_list("campaign__name", flat=True)[:10])


def _refuse_broken_promises(
    reward: Reward, wanted: Mapping[str, Any], campaigns: Sequence[str], *, confirmed: bool
) -> None:
    names = ", ".join(campaigns)
    errors = {}
    for field in ("category", "external_id"):
        if getattr(reward, field) and wanted[field] != getattr(reward, field):
            errors[field] = _("Viewers were promised this reward in %(campaigns)s: this stays as it is.")
    for field in ("name", "image"):
        changes = bool(wanted["image"]) if field == "image" else wanted["name"] != reward.name
        if changes and not confirmed:
            errors[field] = _(
                "Viewers were promised this reward in %(campaigns)s. Make a new reward, or confirm in the "
                "dashboard that they are to see the change."
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
    reward = lock(reward)
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
    permissions.require(actor=actor, organization=reward.organization, action=Action.CHANGE_REWARDS)
    reward = lock(reward)
    if reward.archived_at is not None:
        return reward
    running = reward.campaign_rewards.filter(
        campaign__published_at__isnull=False, campaign__closes_at__gt=now
    ).select_related("campaign")
    if names := ", ".join(attached.campaign.name for attached in running):
        raise ValidationError(
            _("“%(reward)s” can be archived once these campaigns have closed: %(campaigns)s."),
            code="in_use",
            params={"reward": reward.name, "campaigns": names},
        )
    reward.archived_at = now
    reward.save(update_fields=["archived_at", "updated_at"])
    audit.record("reward.archived", reward, by=actor, at=now)
    return reward


@transaction.atomic
def restore_reward(*, reward: Reward, now: datetime, actor: Actor) -> Reward:
    """Bring an archived reward back into use."""
    permissions.require(actor=actor, organization=reward.organization, action=Action.CHANGE_REWARDS)
    reward = lock(reward)
    if reward.archived_at is None:
        return reward
    reward.archived_at = None
    reward.save(update_fields=["archived_at", "updated_at"])
    audit.record("reward.restored", reward, by=actor, at=now)
    return reward


def _save(reward: Reward, image: File | None) -> None:
    reward.full_clean(exclude=["image"])
    if reward.category.organization_id != reward.organization_id:
        raise ValidationError({"category": _("Choose a category that your organization claims.")})
    if image:
        images.store(reward, "image", image, size=IMAGE_SIZE, square=True)
    reward.save()

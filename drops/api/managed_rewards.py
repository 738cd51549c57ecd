"""An organization's rewards, read and written by its own servers."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.domain.images import prepare_image
from accounts.models import parse_ulid
from config.api.body import boolean, read_fields, text
from config.api.envelope import ok
from config.api.schema import EXAMPLE_ID, documented, enveloped, page_parameters, path_parameter
from config.api.views import Query
from config.media import media_url
from drops.api.managed import WRITE_PARAMETERS, WRITE_REFUSALS, ManagedView, read_category, renamed
from drops.api.schema import CHANGED_REWARD, MANAGED_REWARD, NEW_REWARD, dry_run, page_of, written
from drops.domain.catalogue.rewards import (
    IMAGE_SIZE,
    amend_reward,
    archive_reward,
    create_reward,
    restore_reward,
)
from drops.models import Category, Reward

MAX_IMAGE_BASE64 = 1_500_000  # the body's limit leaves room for no more
REWARD_ID = path_parameter("reward_id", "The reward's id.")


class ManagedRewardsView(ManagedView):
    """The organization's rewards, oldest first, archived ones too."""

    @documented(
        "Drops as code",
        "rewards",
        "Your rewards, archived ones too",
        page_of("rewards", MANAGED_REWARD),
        parameters=page_parameters(most=100),
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        limit = query.integer("limit", default=10, least=1, most=100)
        rewards = Reward.objects.filter(organization=self.organization_id)
        if (after := query.ulid("cursor")) is not None:
            rewards = rewards.filter(pk__gt=after)
        found = [_reward(reward) for reward in rewards.order_by("pk")[: limit + 1]]
        return ok({"rewards": found[:limit], "cursor": found[limit - 1]["id"] if len(found) > limit else ""})

    @documented(
        "Drops as code",
        "create_reward",
        "Make a reward",
        enveloped(MANAGED_REWARD),
        status=201,
        also={200: enveloped(dry_run(MANAGED_REWARD))},
        parameters=WRITE_PARAMETERS,
        body=NEW_REWARD,
        example={"name": "Wings", "category_id": EXAMPLE_ID, "external_id": "wings"},
        refusals=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        values, problems = read_fields(request.data, _REWARD_READERS)
        for name in ("name", "category_id"):
            if name not in values and name not in problems:
                problems[name] = ["is needed."]
        fields = {"external_id": "", "image": None} | renamed(values)
        if self.is_dry_run:
            fields["image"] = None  # it was checked, and a file would outlive the rollback

        def act(now: datetime) -> Reward:
            return create_reward(organization=self.organization(), now=now, actor=self.app(), **fields)

        return self.write(problems, act, _fresh_reward, status=201)


class ManagedRewardView(ManagedView):
    """One reward of the organization."""

    @documented(
        "Drops as code",
        "reward",
        "One of your rewards",
        enveloped(MANAGED_REWARD),
        parameters=[REWARD_ID],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, reward_id: str) -> HttpResponse:
        return ok(_reward(_own_reward(self.organization_id, reward_id)))

    @documented(
        "Drops as code",
        "change_reward",
        "Change the fields that are sent",
        written(MANAGED_REWARD),
        parameters=[REWARD_ID, *WRITE_PARAMETERS],
        body=CHANGED_REWARD,
        example={"name": "Storm wings"},
        refusals=(*WRITE_REFUSALS, 404),
    )
    def patch(self, request: Request, reward_id: str) -> HttpResponse:
        """Change the fields that are sent. `archived` takes a reward out of use, and back."""
        reward = _own_reward(self.organization_id, reward_id)
        values, problems = read_fields(request.data, _REWARD_READERS | {"archived": boolean})
        archived = values.pop("archived", None)

        def act(now: datetime) -> Reward:
            changed = reward
            if values:
                changes = renamed(values)
                if self.is_dry_run:
                    changes["image"] = None  # as above
                changed = amend_reward(reward=reward, changes=changes, now=now, actor=self.app())
            if archived is not None:
                verb = archive_reward if archived else restore_reward
                changed = verb(reward=changed, now=now, actor=self.app())
            return changed

        return self.write(problems, act, _fresh_reward)


def _own_reward(organization_id: str, reward_id: str) -> Reward:
    reward = (
        Reward.objects.select_related("category")
        .filter(organization=organization_id, pk=parse_ulid(reward_id))
        .first()
    )
    if reward is None:
        raise NotFound(f"No such reward: {reward_id[:40]}.")
    return reward


def _reward(reward: Reward) -> dict[str, Any]:
    return {
        "id": reward.pk,
        "name": reward.name,
        "category_id": reward.category_id,
        "external_id": reward.external_id,
        "image_url": media_url(reward.image),
        "archived": reward.archived_at is not None,
        "created_at": reward.created_at,
        "updated_at": reward.updated_at,
    }


def _fresh_reward(reward: Reward, now: datetime) -> dict[str, Any]:
    return _reward(reward)


def _claimed_category(value: Any) -> Category:
    category = read_category(value)
    if category is None:
        raise ValueError("must be the id of a category.")
    return category


def _image(value: Any) -> ContentFile[bytes]:
    try:
        raw = base64.b64decode(text(max_length=MAX_IMAGE_BASE64)(value), validate=True)
    except binascii.Error:
        raise ValueError("must be a PNG, JPEG, WebP or GIF picture in base64.") from None
    try:
        return prepare_image(ContentFile(raw, "image"), size=IMAGE_SIZE)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None


_REWARD_READERS = {
    "name": text(max_length=100),
    "category_id": _claimed_category,
    "external_id": text(max_length=255),
    "image": _image,
}

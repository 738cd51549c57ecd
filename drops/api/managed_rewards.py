"""An organization's rewards, read and written by its own servers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.domain.permissions import Action
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ID, Page
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404, page_by_id
from drops.api.managed import WRITE_PARAMETERS, WRITE_REFUSALS, ManagedView, dry_run, written
from drops.api.serializers.managed import (
    ChangedRewardSerializer,
    ManagedRewardSerializer,
    RewardsPageSerializer,
)
from drops.domain.catalogue.rewards import amend_reward, archive_reward, create_reward, restore_reward
from drops.models import Reward

REWARD_ID = path_parameter("reward_id", "The reward's id.")


class ManagedRewardsView(ManagedView):
    """The organization's rewards, oldest first, archived ones too."""

    change = Action.CHANGE_REWARDS

    @documented(
        "Drops as code",
        "rewards",
        "Your rewards, archived ones too",
        RewardsPageSerializer(),
        parameters=[Page],
    )
    def get(self, request: Request) -> HttpResponse:
        query = Page.read(request.query_params)
        rewards = Reward.objects.filter(organization=self.organization_id)
        rows, cursor = page_by_id(rewards, after=query["cursor"], limit=query["limit"])
        return ok({"rewards": ManagedRewardSerializer(rows, many=True).data, "cursor": cursor})

    @documented(
        "Drops as code",
        "create_reward",
        "Make a reward",
        ManagedRewardSerializer(),
        status=201,
        also={200: dry_run(ManagedRewardSerializer)},
        parameters=WRITE_PARAMETERS,
        body=ManagedRewardSerializer,
        example={"name": "Wings", "category_id": EXAMPLE_ID, "external_id": "wings"},
        refusals=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        def act(values: dict[str, Any], now: datetime) -> Reward:
            fields = {"external_id": "", "image": None} | self.without_files(values)
            return create_reward(organization=self.organization(), now=now, actor=self.app(), **fields)

        return self.write(ManagedRewardSerializer(data=request.data), act, _shown, status=201)


class ManagedRewardView(ManagedView):
    """One reward of the organization."""

    change = Action.CHANGE_REWARDS

    @documented(
        "Drops as code",
        "reward",
        "One of your rewards",
        ManagedRewardSerializer(),
        parameters=[REWARD_ID],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, reward_id: str) -> HttpResponse:
        return ok(ManagedRewardSerializer(self._own(reward_id)).data)

    @documented(
        "Drops as code",
        "change_reward",
        "Change the fields that are sent",
        written(ManagedRewardSerializer),
        parameters=[REWARD_ID, *WRITE_PARAMETERS],
        body=ChangedRewardSerializer,
        example={"archived": False},
        refusals=(*WRITE_REFUSALS, 404),
    )
    def patch(self, request: Request, reward_id: str) -> HttpResponse:
        """Change the fields that are sent. `archived` takes a reward out of use, and back.

        Once a campaign with the reward has started, its name, image, category and external ID stay as they
        are: viewers were promised them. 422 says so.
        """
        reward = self._own(reward_id)

        def act(values: dict[str, Any], now: datetime) -> Reward:
            changes = self.without_files(values)
            archived = changes.pop("archived", None)
            changed = reward
            if changes:
                changed = amend_reward(reward=reward, changes=changes, now=now, actor=self.app())
            if archived is not None:
                verb = archive_reward if archived else restore_reward
                changed = verb(reward=changed, now=now, actor=self.app())
            return changed

        return self.write(ChangedRewardSerializer(data=request.data, partial=True), act, _shown)

    def _own(self, reward_id: str) -> Reward:
        rewards = Reward.objects.filter(organization=self.organization_id).select_related("category")
        return get_or_404(rewards, reward_id, "reward")


def _shown(reward: Reward, now: datetime) -> dict[str, Any]:
    return ManagedRewardSerializer(reward).data

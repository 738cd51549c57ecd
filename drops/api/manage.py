"""Drops as code: an organization's campaigns and rewards, read and written by its own servers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from accounts.api.authentication import OrganizationView
from accounts.api.idempotency import Unprocessable, once
from accounts.domain.images import prepare_image
from accounts.models import OAuthApp, Organization, parse_ulid
from accounts.oauth.scopes import DROPS_WRITE
from config.api import MAX_ID, Query
from config.body import Problems, boolean, list_of, moment, read_fields, text, whole_number
from config.envelope import answer, ok, problems_of as problems_in, text_of
from config.media import media_url
from config.schema import (
    EXAMPLE_ID,
    choice,
    documented,
    enveloped,
    header_parameter,
    page_parameters,
    parameter,
    path_parameter,
    record,
)
from drops.api.schema import (
    CHANGED_CAMPAIGN,
    CHANGED_REWARD,
    EXAMPLE_PLAN,
    MANAGED_CAMPAIGN,
    MANAGED_REWARD,
    NEW_CAMPAIGN,
    NEW_REWARD,
    WRITTEN_CAMPAIGN,
    dry_run,
    page_of,
    written,
)
from drops.domain.campaigns import (
    MAX_CHANNELS,
    MAX_DAYS,
    CampaignPlan,
    RewardPlan,
    change_campaign,
    create_campaign,
    plan_of,
    problems_of,
    publish_campaign,
    withdraw_campaign,
)
from drops.domain.rewards import IMAGE_SIZE, archive_reward, change_reward, create_reward, restore_reward
from drops.models import MAX_REWARDS, Campaign, Category, Channel, Reward

MAX_IMAGE_BASE64 = 1_500_000  # the body's limit leaves room for no more


CAMPAIGN_ID = path_parameter("campaign_id", "The campaign's id.")
REWARD_ID = path_parameter("reward_id", "The reward's id.")
WRITE_PARAMETERS = [
    parameter("dry_run", choice("true", "false"), "`true`: tell every problem and change nothing."),
    header_parameter("Idempotency-Key", "A repeat with the same key is answered as the first call was."),
]
WRITE_REFUSALS = (400, 401, 403, 415, 422, 429)

Act = Callable[[datetime], Any]
Shape = Callable[[Any, datetime], dict[str, Any]]


class ManagedView(OrganizationView):
    """Reading needs no scope, writing needs `drops:write`."""

    @property
    def is_dry_run(self) -> bool:
        return Query(self.request.query_params).flag("dry_run")

    def organization(self) -> Organization:
        return Organization.objects.get(pk=self.organization_id)

    def app(self) -> OAuthApp:
        return OAuthApp.objects.get(pk=self.caller.app_id)

    def write(
        self,
        problems: Problems,
        act: Act,
        shape: Shape,
        status: int = 200,
    ) -> HttpResponse:
        """Do `act` and answer with its result, or say every problem found: 422, nothing changed.

        With `?dry_run=true` nothing is changed either way, and the problems are the answer.
        """
        if DROPS_WRITE not in self.caller.scopes:
            raise PermissionDenied(f"This needs the scope {DROPS_WRITE}.")
        now = timezone.now()
        if self.is_dry_run:
            return self._dry_run(problems, act, shape, now)

        def done() -> HttpResponse:
            try:
                result = act(now)
            except ValidationError as error:
                raise Unprocessable(text_of(problems_in(error))) from None
            return answer({"data": shape(result, now), "message": "OK"}, status=status)

        if problems:
            raise Unprocessable(text_of(problems))
        return once(self.request, caller=self.caller, now=now, act=done)

    def _dry_run(
        self,
        problems: Problems,
        act: Act,
        shape: Shape,
        now: datetime,
    ) -> HttpResponse:
        result = None
        if not problems:
            with transaction.atomic():
                try:
                    result = shape(act(now), now)
                except ValidationError as error:
                    problems = problems_in(error)
                transaction.set_rollback(True)
        listed = [
            {"field": field, "message": message} for field, texts in problems.items() for message in texts
        ]
        return ok({"valid": not listed, "problems": listed, "result": result})


# Campaigns


class ManagedCampaignsView(ManagedView):
    """The organization's campaigns, oldest first: drafts, closed and withdrawn ones too."""

    @documented(
        "Drops as code",
        "campaigns",
        "Your campaigns, drafts and closed ones too",
        page_of("campaigns", record(**MANAGED_CAMPAIGN)),
        parameters=page_parameters(most=100),
    )
    def get(self, request: Request) -> HttpResponse:
        query = Query(request.query_params)
        limit = query.integer("limit", default=10, least=1, most=100)
        campaigns = _campaigns(self.organization_id)
        if (after := query.ulid("cursor")) is not None:
            campaigns = campaigns.filter(pk__gt=after)
        now = timezone.now()
        found = [_campaign(campaign, now) for campaign in campaigns.order_by("pk")[: limit + 1]]
        return ok(
            {"campaigns": found[:limit], "cursor": found[limit - 1]["id"] if len(found) > limit else ""}
        )

    @documented(
        "Drops as code",
        "create_campaign",
        "Make a draft",
        enveloped(WRITTEN_CAMPAIGN),
        status=201,
        also={200: enveloped(dry_run(WRITTEN_CAMPAIGN))},
        parameters=WRITE_PARAMETERS,
        body=NEW_CAMPAIGN,
        example=EXAMPLE_PLAN,
        refusals=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        organization = self.organization()
        values, problems = read_fields(request.data, _campaign_readers(organization))
        for name in ("name", "starts_at", "ends_at"):
            if name not in values and name not in problems:
                problems[name] = ["is needed."]
        defaults = {"category": None, "info_url": "", "announcement_days": 0, "grace_days": 0}

        def act(now: datetime) -> Campaign:
            plan = CampaignPlan(**(defaults | _renamed(values)))
            return create_campaign(organization=organization, plan=plan, now=now, actor=self.app())

        return self.write(problems, act, _fresh_campaign, status=201)


class ManagedCampaignView(ManagedView):
    """One campaign of the organization."""

    @documented(
        "Drops as code",
        "campaign",
        "One of your campaigns",
        enveloped(record(**MANAGED_CAMPAIGN)),
        parameters=[CAMPAIGN_ID],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        return ok(_campaign(_own_campaign(self.organization_id, campaign_id), timezone.now()))

    @documented(
        "Drops as code",
        "change_campaign",
        "Change the fields that are sent",
        written(WRITTEN_CAMPAIGN),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        body=CHANGED_CAMPAIGN,
        example={"name": "Storm season II"},
        refusals=(*WRITE_REFUSALS, 404),
    )
    def patch(self, request: Request, campaign_id: str) -> HttpResponse:
        """Change the fields that are sent; a list that is sent replaces the whole list."""
        campaign = _own_campaign(self.organization_id, campaign_id)
        values, problems = read_fields(request.data, _campaign_readers(campaign.organization))

        def act(now: datetime) -> Campaign:
            plan = replace(plan_of(campaign), **_renamed(values))
            return change_campaign(campaign=campaign, plan=plan, now=now, actor=self.app())

        return self.write(problems, act, _fresh_campaign)


class PublishView(ManagedView):
    """Publish a draft. The problems are those the dashboard would show."""

    @documented(
        "Drops as code",
        "publish_campaign",
        "Publish a draft",
        written(WRITTEN_CAMPAIGN),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        refusals=(400, 401, 403, 404, 422, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = _own_campaign(self.organization_id, campaign_id)
        return self.write(
            {}, lambda now: publish_campaign(campaign=campaign, now=now, actor=self.app()), _fresh_campaign
        )


class WithdrawView(ManagedView):
    """Withdraw a published campaign: what was earned stays claimable until the promised day."""

    @documented(
        "Drops as code",
        "withdraw_campaign",
        "Withdraw a published campaign",
        written(WRITTEN_CAMPAIGN),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        refusals=(400, 401, 403, 404, 422, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = _own_campaign(self.organization_id, campaign_id)
        return self.write(
            {}, lambda now: withdraw_campaign(campaign=campaign, now=now, actor=self.app()), _fresh_campaign
        )


def _campaigns(organization_id: str) -> Any:
    return (
        Campaign.objects.filter(organization=organization_id)
        .select_related("organization", "category")
        .prefetch_related("campaign_rewards", "allowed_channels__channel")
    )


def _own_campaign(organization_id: str, campaign_id: str) -> Campaign:
    campaign: Campaign | None = _campaigns(organization_id).filter(pk=parse_ulid(campaign_id)).first()
    if campaign is None:
        raise NotFound(f"No such campaign: {campaign_id[:40]}.")
    return campaign


def _campaign(campaign: Campaign, now: datetime) -> dict[str, Any]:
    return {
        "id": campaign.pk,
        "phase": campaign.phase(now),
        "name": campaign.name,
        "category_id": campaign.category_id,
        "info_url": campaign.info_url,
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "announcement_days": campaign.announcement_days,
        "grace_days": campaign.grace_days,
        "test_mode": campaign.test_mode,
        "rewards": [
            {"reward_id": attached.reward_id, "required_minutes": attached.required_minutes}
            for attached in campaign.campaign_rewards.all()
        ],
        "channels": [allowed.channel.slug for allowed in campaign.allowed_channels.all()],
        "published_at": campaign.published_at,
        "withdrawn_at": campaign.withdrawn_at,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
    }


def _fresh_campaign(campaign: Campaign, now: datetime) -> dict[str, Any]:
    """As `_campaign`, read again, with what would still keep a draft from being published."""
    campaign = _own_campaign(campaign.organization_id, campaign.pk)
    unpublished = campaign.published_at is None
    return _campaign(campaign, now) | {
        "before_publishing": [
            {"code": problem.code, "message": problem.text} for problem in problems_of(campaign, now=now)
        ]
        if unpublished
        else []
    }


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    """The API speaks of `category_id`, the plan of the category."""
    return {("category" if name == "category_id" else name): value for name, value in values.items()}


def _campaign_readers(organization: Organization) -> dict[str, Any]:
    return {
        "name": text(max_length=120),
        "category_id": _category,
        "info_url": text(max_length=200),
        "starts_at": moment,
        "ends_at": moment,
        "announcement_days": whole_number(least=0, most=MAX_DAYS),
        "grace_days": whole_number(least=0, most=MAX_DAYS),
        "test_mode": boolean,
        "rewards": lambda value: _rewards(value, organization),
        "channels": _channels,
    }


def _category(value: Any) -> Category | None:
    if value is None:
        return None
    number = whole_number(least=0, most=MAX_ID)(value)
    category = Category.objects.filter(pk=number).first()
    if category is None:
        raise ValueError(f"there is no category {number}.")
    return category


def _rewards(value: Any, organization: Organization) -> list[RewardPlan]:
    wanted = list_of(_wanted_reward, most=MAX_REWARDS)(value)
    own = Reward.objects.filter(organization=organization).in_bulk([reward_id for reward_id, _ in wanted])
    if missing := [reward_id for reward_id, _ in wanted if reward_id not in own]:
        raise ValueError(f"your organization has no reward {', '.join(missing)}.")
    return [
        RewardPlan(own[reward_id], minutes, position)
        for position, (reward_id, minutes) in enumerate(wanted, start=1)
    ]


def _wanted_reward(value: Any) -> tuple[str, int]:
    if not isinstance(value, dict) or set(value) != {"reward_id", "required_minutes"}:
        raise ValueError("each must be {reward_id, required_minutes}.")
    reward_id = parse_ulid(value["reward_id"]) if isinstance(value["reward_id"], str) else None
    if reward_id is None:
        raise ValueError("each reward_id must be a ULID.")
    return reward_id, whole_number(least=1, most=10**6)(value["required_minutes"])


def _channels(value: Any) -> list[Channel]:
    slugs = [slug.lower() for slug in list_of(text(max_length=50), most=MAX_CHANNELS)(value)]
    found = {channel.slug: channel for channel in Channel.objects.filter(slug__in=slugs)}
    if missing := [slug for slug in slugs if slug not in found]:
        raise ValueError(f"there is no channel {', '.join(missing[:10])}.")
    return list(found.values())


# Rewards


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
        fields = {"external_id": "", "image": None} | _renamed(values)
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
        present: dict[str, Any] = {
            "name": reward.name,
            "category": reward.category,
            "external_id": reward.external_id,
            "image": None,
        }

        def act(now: datetime) -> Reward:
            changed = reward
            if values:
                fields = present | _renamed(values)
                if self.is_dry_run:
                    fields["image"] = None
                changed = change_reward(reward=reward, now=now, actor=self.app(), **fields)
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
    category = _category(value)
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

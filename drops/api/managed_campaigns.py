"""An organization's campaigns, read and written by its own servers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.models import Organization, parse_ulid
from config.api.body import boolean, list_of, moment, read_fields, text, whole_number
from config.api.envelope import ok
from config.api.schema import documented, enveloped, page_parameters, path_parameter, record
from config.api.views import Query
from drops.api.managed import WRITE_PARAMETERS, WRITE_REFUSALS, ManagedView, read_category, renamed
from drops.api.schema import (
    CHANGED_CAMPAIGN,
    EXAMPLE_PLAN,
    MANAGED_CAMPAIGN,
    NEW_CAMPAIGN,
    WRITTEN_CAMPAIGN,
    dry_run,
    page_of,
    written,
)
from drops.domain.campaigns.lifecycle import (
    amend_campaign,
    create_campaign,
    problems_of,
    publish_campaign,
    withdraw_campaign,
)
from drops.domain.campaigns.plans import MAX_CHANNELS, MAX_DAYS, CampaignPlan, RewardPlan
from drops.models import MAX_REWARDS, Campaign, Channel, Reward

CAMPAIGN_ID = path_parameter("campaign_id", "The campaign's id.")


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
            plan = CampaignPlan(**(defaults | renamed(values)))
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
            return amend_campaign(campaign=campaign, changes=renamed(values), now=now, actor=self.app())

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


def _campaigns(organization_id: str) -> QuerySet[Campaign]:
    return (
        Campaign.objects.filter(organization=organization_id)
        .select_related("organization", "category")
        .prefetch_related("campaign_rewards", "allowed_channels__channel")
    )


def _own_campaign(organization_id: str, campaign_id: str) -> Campaign:
    campaign = _campaigns(organization_id).filter(pk=parse_ulid(campaign_id)).first()
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


def _campaign_readers(organization: Organization) -> dict[str, Any]:
    return {
        "name": text(max_length=120),
        "category_id": read_category,
        "info_url": text(max_length=200),
        "starts_at": moment,
        "ends_at": moment,
        "announcement_days": whole_number(least=0, most=MAX_DAYS),
        "grace_days": whole_number(least=0, most=MAX_DAYS),
        "test_mode": boolean,
        "rewards": lambda value: _rewards(value, organization),
        "channels": _channels,
    }


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

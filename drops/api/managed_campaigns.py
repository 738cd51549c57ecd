"""An organization's campaigns, read and written by its own servers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.domain.permissions import Action
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ID, EXAMPLE_TIME, EXAMPLE_ULID, Page, Query, Text
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404, page_by_id
from drops.api.managed import WRITE_PARAMETERS, WRITE_REFUSALS, ManagedView, dry_run, written
from drops.api.serializers.managed import (
    CampaignsPageSerializer,
    ManagedCampaignSerializer,
    WrittenCampaignSerializer,
)
from drops.domain.campaigns.files import OutOfDate, apply_file
from drops.domain.campaigns.lifecycle import (
    amend_campaign,
    create_campaign,
    end_campaign,
    errors_of_change,
    problems_of,
    publish_campaign,
    why_not_publish,
    withdraw_campaign,
)
from drops.domain.campaigns.plans import CampaignPlan, errors_of
from drops.models import Campaign

CAMPAIGN_ID = path_parameter("campaign_id", "The campaign's id.")
EXAMPLE_PLAN: dict[str, Any] = {
    "name": "Storm season",
    "category_id": EXAMPLE_ID,
    "starts_at": EXAMPLE_TIME,
    "ends_at": "2026-11-27T12:00:00Z",
    "grace_days": 3,
    "rewards": [{"reward_id": EXAMPLE_ULID, "required_minutes": 60}],
    "channels": ["streamer"],
}


class ManagedCampaignsView(ManagedView):
    """The organization's campaigns, oldest first: drafts, closed and withdrawn ones too."""

    change = Action.CHANGE_CAMPAIGNS

    @documented(
        "Drops as code",
        "campaigns",
        "Your campaigns, drafts and closed ones too",
        CampaignsPageSerializer(),
        parameters=[Page],
    )
    def get(self, request: Request) -> HttpResponse:
        query = Page.read(request.query_params)
        campaigns, cursor = page_by_id(
            _campaigns(self.organization_id), after=query["cursor"], limit=query["limit"]
        )
        shown = ManagedCampaignSerializer(campaigns, many=True, context={"now": timezone.now()})
        return ok({"campaigns": shown.data, "cursor": cursor})

    @documented(
        "Drops as code",
        "create_campaign",
        "Make a draft",
        WrittenCampaignSerializer(),
        status=201,
        also={200: dry_run(WrittenCampaignSerializer)},
        parameters=WRITE_PARAMETERS,
        body=ManagedCampaignSerializer,
        example=EXAMPLE_PLAN,
        refusals=WRITE_REFUSALS,
    )
    def post(self, request: Request) -> HttpResponse:
        def act(values: dict[str, Any], now: datetime) -> Campaign:
            plan = CampaignPlan(**values)
            return create_campaign(organization=self.organization(), plan=plan, now=now, actor=self.app())

        def further_errors(values: dict[str, Any], now: datetime) -> dict[str, list[str]]:
            return errors_of(Campaign(organization=self.organization()), values)

        body = ManagedCampaignSerializer(data=request.data, context={"organization_id": self.organization_id})
        return self.write(body, act, _fresh_campaign, further_errors=further_errors, status=201)


class PlanQuery(Query):
    plan = Text(default="", most=64, help_text="The `version` of a plan: do that, or nothing.")


class PlanOutOfDate(APIException):
    status_code = 409
    default_detail = "The campaign is no longer as the plan found it. Make a new plan. Nothing was changed."


class ManagedCampaignView(ManagedView):
    """One campaign of the organization."""

    change = Action.CHANGE_CAMPAIGNS

    @documented(
        "Drops as code",
        "campaign",
        "One of your campaigns",
        ManagedCampaignSerializer(),
        parameters=[CAMPAIGN_ID],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = own_campaign(self.organization_id, campaign_id)
        return ok(ManagedCampaignSerializer(campaign, context={"now": timezone.now()}).data)

    @documented(
        "Drops as code",
        "change_campaign",
        "Change the fields that are sent",
        written(WrittenCampaignSerializer),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS, PlanQuery],
        body=ManagedCampaignSerializer,
        example={"name": "Storm season II"},
        refusals=(*WRITE_REFUSALS, 404, 409),
    )
    def patch(self, request: Request, campaign_id: str) -> HttpResponse:
        """Change the fields that are sent; a list that is sent replaces the whole list.

        With `plan`, the version of a plan, exactly what the plan says is done. 409 where that is another by now.
        """
        campaign = own_campaign(self.organization_id, campaign_id)
        version = PlanQuery.read(request.query_params)["plan"]

        def act(values: dict[str, Any], now: datetime) -> Campaign:
            if not version:
                return amend_campaign(campaign=campaign, changes=values, now=now, actor=self.app())
            try:
                return apply_file(
                    campaign=campaign, wanted=values, version=version, now=now, actor=self.app()
                )
            except OutOfDate:
                raise PlanOutOfDate from None

        def further_errors(values: dict[str, Any], now: datetime) -> dict[str, list[str]]:
            return errors_of_change(campaign, values, now=now)

        body = ManagedCampaignSerializer(
            data=request.data, partial=True, context={"organization_id": self.organization_id}
        )
        return self.write(body, act, _fresh_campaign, further_errors=further_errors)


class PublishView(ManagedView):
    """Publish a draft. The problems are those the dashboard would show."""

    change = Action.CHANGE_CAMPAIGNS

    @documented(
        "Drops as code",
        "publish_campaign",
        "Publish a draft",
        written(WrittenCampaignSerializer),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        refusals=(400, 401, 403, 404, 422, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = own_campaign(self.organization_id, campaign_id)

        def act(values: dict[str, Any], now: datetime) -> Campaign:
            return publish_campaign(campaign=campaign, now=now, actor=self.app())

        return self.write(None, act, _fresh_campaign)


class EndView(ManagedView):
    """End a live campaign now: its grace period begins, and claims close no earlier than promised."""

    change = Action.WITHDRAW_CAMPAIGNS

    @documented(
        "Drops as code",
        "end_campaign",
        "End a live campaign now",
        written(WrittenCampaignSerializer),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        refusals=(400, 401, 403, 404, 409, 422, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = own_campaign(self.organization_id, campaign_id)

        def act(values: dict[str, Any], now: datetime) -> Campaign:
            return end_campaign(campaign=campaign, now=now, actor=self.app())

        return self.write(None, act, _fresh_campaign)


class WithdrawView(ManagedView):
    """Withdraw a published campaign: what was earned stays claimable until the promised day."""

    change = Action.WITHDRAW_CAMPAIGNS

    @documented(
        "Drops as code",
        "withdraw_campaign",
        "Withdraw a published campaign",
        written(WrittenCampaignSerializer),
        parameters=[CAMPAIGN_ID, *WRITE_PARAMETERS],
        refusals=(400, 401, 403, 404, 409, 422, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        campaign = own_campaign(self.organization_id, campaign_id)

        def act(values: dict[str, Any], now: datetime) -> Campaign:
            return withdraw_campaign(campaign=campaign, now=now, actor=self.app())

        return self.write(None, act, _fresh_campaign)


def _campaigns(organization_id: str) -> QuerySet[Campaign]:
    return (
        Campaign.objects.filter(organization=organization_id)
        .select_related("organization", "category")
        .prefetch_related("campaign_rewards", "allowed_channels__channel")
    )


def own_campaign(organization_id: str, campaign_id: str) -> Campaign:
    return get_or_404(_campaigns(organization_id), campaign_id, "campaign")


def _fresh_campaign(campaign: Campaign, now: datetime) -> dict[str, Any]:
    """The campaign, read again, with what would still keep a draft from being published."""
    campaign = own_campaign(campaign.organization_id, campaign.pk)
    problems = [] if why_not_publish(campaign, now) else problems_of(campaign, now=now)
    context = {"now": now, "before_publishing": problems}
    return WrittenCampaignSerializer(campaign, context=context).data

"""A campaign that a studio keeps as a file: what the file would change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import ParseError, ValidationError as Malformed
from rest_framework.request import Request

from accounts.domain import permissions
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from config.api.envelope import ok, problems_of
from config.api.fields import Flag, Is, List, Serializer, Text
from config.api.schema import documented
from drops.api.managed import ManagedView
from drops.api.managed_campaigns import CAMPAIGN_ID, EXAMPLE_PLAN, own_campaign
from drops.api.serializers.managed import ManagedCampaignSerializer, WrongFieldSerializer
from drops.domain.campaigns.files import FileChange, FilePlan, plan_file
from drops.domain.campaigns.lifecycle import errors_of_change
from drops.models import Campaign, Category

# Where the file speaks of what the domain calls otherwise.
NAMES = {"category": "category_id"}


class FileChangeSerializer(Serializer):
    field = Text(example="ends_at")
    about = Text(help_text="The name of the reward, or the channel.")
    before = Is({"description": "As it is now."})
    after = Is({"description": "As the file has it."})
    refused = Text(help_text="Why it cannot change; empty where it can.")


class FilePlanSerializer(Serializer):
    version = Text(help_text="What a change takes as `plan`.", example="0f3c9a7d52e14b86a0c1d7e2f4b5a698")
    can_be_applied = Flag()
    changes = List(FileChangeSerializer())
    problems = List(WrongFieldSerializer())


class CampaignPlanView(ManagedView):
    """What a file would change of a campaign."""

    change = Action.CHANGE_CAMPAIGNS

    @documented(
        "Drops as code",
        "plan_campaign",
        "What the fields that are sent would change",
        FilePlanSerializer(),
        parameters=[CAMPAIGN_ID],
        body=ManagedCampaignSerializer,
        example=EXAMPLE_PLAN,
        refusals=(400, 401, 403, 404, 415, 429),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        """Each change, with the reason where it is refused. Nothing is changed. Its `version`, sent as `plan` with the
        same fields to the campaign, has exactly this done or nothing."""
        permissions.require_app(self.caller, self.change)
        campaign = own_campaign(self.organization_id, campaign_id)
        plan = plan_of_body(campaign, request.data, now=timezone.now(), actor=self.app())
        return ok(
            {
                "version": plan.version,
                "can_be_applied": plan.can_be_applied,
                "changes": [_shown(change) for change in plan.changes],
                "problems": [{"field": name, "message": text} for name, text in plan.problems],
            }
        )


def plan_of_body(campaign: Campaign, body: Any, *, now: datetime, actor: Actor) -> FilePlan:
    """The plan of what the API takes, by its names. A body that is no campaign is a problem of the plan."""
    serializer = ManagedCampaignSerializer(
        data=body, partial=True, context={"organization_id": campaign.organization_id}
    )
    try:
        plan = plan_file(campaign=campaign, wanted=serializer.checked(), now=now, actor=actor)
    except ParseError as error:
        plan = FilePlan("", (), [("", str(error.detail))])
    except Malformed as error:
        found = errors_of_change(campaign, serializer.valid, now=now) | problems_of(error)
        plan = FilePlan("", (), [(name, text) for name, texts in found.items() for text in texts])
    return plan._replace(
        changes=[change._replace(field=NAMES.get(change.field, change.field)) for change in plan.changes],
        problems=[(NAMES.get(name, name), text) for name, text in plan.problems],
    )


def _shown(change: FileChange) -> dict[str, Any]:
    return {
        name: value.pk if isinstance(value, Category) else value for name, value in change._asdict().items()
    }

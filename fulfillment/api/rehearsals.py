"""Rehearsals by API, so that a studio's own continuous integration runs them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from accounts.domain.permissions import Action
from accounts.models import User
from config.api.envelope import ok
from config.api.fields import EXAMPLE_ID
from config.api.schema import documented, path_parameter
from config.api.views import get_or_404
from drops.api.managed import WRITE_PARAMETERS, WRITE_REFUSALS, ManagedView, dry_run
from drops.models import Campaign, Reward
from fulfillment.api.serializers import RehearsalSerializer, ToRehearseSerializer
from fulfillment.domain.rehearsals import reading
from fulfillment.domain.rehearsals.running import go_on
from fulfillment.domain.rehearsals.starting import TooManyRehearsals, start_rehearsal
from fulfillment.models import Rehearsal, WebhookEndpoint

# The campaign in test mode of the examples.
REHEARSED = "01K0TDDR08Q5ZNWXK92VRXD7GZ"


class RehearsalsView(ManagedView):
    """Rehearse a campaign in test mode, for a member of the organization. What came of it is at its own address."""

    change = Action.REHEARSE

    @documented(
        "Drops as code",
        "rehearse_campaign",
        "Rehearse a campaign in test mode",
        RehearsalSerializer(),
        status=202,
        also={200: dry_run(RehearsalSerializer)},
        parameters=[path_parameter("campaign_id", "The campaign's id.", REHEARSED), *WRITE_PARAMETERS],
        body=ToRehearseSerializer,
        example={"user_id": EXAMPLE_ID, "stand_in": True},
        refusals=(*WRITE_REFUSALS, 404),
    )
    def post(self, request: Request, campaign_id: str) -> HttpResponse:
        own = Campaign.objects.filter(organization=self.organization_id).select_related("organization")
        campaign = get_or_404(own, campaign_id, "campaign")
        started: list[str] = []

        def act(values: dict[str, Any], now: datetime) -> Rehearsal:
            try:
                rehearsal = start_rehearsal(
                    campaign=campaign,
                    viewer=self._member(values["user_id"]),
                    actor=self.app(),
                    now=now,
                    reward=self._own(Reward, values["reward_id"], "reward_id"),
                    endpoint=self._own(WebhookEndpoint, values["endpoint_id"], "endpoint_id"),
                    stand_in=values["stand_in"],
                )
            except TooManyRehearsals as error:
                raise Throttled(wait=60, detail=error.messages[0]) from None
            except ValidationError as error:
                raise _by_sent_names(error) from None
            started.append(rehearsal.pk)
            return rehearsal

        answer = self.write(ToRehearseSerializer(data=request.data), act, _shape, status=202)
        # A dry run and a repeat have started nothing.
        if started and not self.is_dry_run:
            go_on(rehearsal_id=started[0], clock=timezone.now)
        return answer

    def _member(self, user_id: int) -> User:
        """Of strangers and of nobody the same is said."""
        found = User.objects.filter(pk=user_id, memberships__organization=self.organization_id).first()
        if found is None:
            raise ValidationError({"user_id": "This is no member of your organization."})
        return found

    def _own(self, model: Any, pk: str | None, field: str) -> Any:
        if pk is None:
            return None
        found = model.objects.filter(organization=self.organization_id, pk=pk).first()
        if found is None:
            raise ValidationError({field: "There is no such thing in your organization."})
        return found


class RehearsalView(ManagedView):
    """How far a rehearsal has come: each step, and what your servers answered."""

    @documented(
        "Drops as code",
        "rehearsal",
        "How far a rehearsal has come, and what your servers answered",
        RehearsalSerializer(),
        parameters=[path_parameter("rehearsal_id", "The rehearsal's id.")],
        refusals=(401, 403, 404, 429),
    )
    def get(self, request: Request, rehearsal_id: str) -> HttpResponse:
        own = reading.with_reports(Rehearsal.objects.filter(organization=self.organization_id))
        rehearsal = get_or_404(own, rehearsal_id, "rehearsal")
        return ok(_shape(rehearsal, timezone.now()))


def _shape(rehearsal: Rehearsal, now: datetime) -> dict[str, Any]:
    found = reading.report(rehearsal, now=now)
    shown: dict[str, Any] = RehearsalSerializer(found).data
    return shown


def _by_sent_names(error: ValidationError) -> ValidationError:
    """With the names of the body: `user_id`, where the domain speaks of the viewer."""
    if not hasattr(error, "error_dict"):
        return error
    names = {"viewer": "user_id", "reward": "reward_id", "endpoint": "endpoint_id"}
    return ValidationError({names.get(name, name): texts for name, texts in error.message_dict.items()})

"""What every view of drops as code stands on: an organization's own servers write its drops."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework.exceptions import APIException, NotFound, ValidationError as Malformed

from accounts.api.authentication import OrganizationView
from accounts.api.idempotency import Unprocessable, once
from accounts.domain import permissions
from accounts.domain.permissions import DROPS_WRITE, Action
from accounts.domain.two_owners import SecondOwnerNeeded
from accounts.models import OAuthApp, Organization
from config.api.envelope import Problems, answer, ok, problems_of, text_of
from config.api.fields import Flag, List, Query, Serializer
from config.api.schema import header_parameter
from config.api.views import APP_ITSELF
from drops.api.serializers.managed import WriteQuery, WrongFieldSerializer

WRITE_PARAMETERS: list[OpenApiParameter | type[Query]] = [
    WriteQuery,
    header_parameter("Idempotency-Key", "A repeat with the same key is answered as the first call was."),
]
WRITE_REFUSALS = (400, 401, 403, 415, 422, 429)
TWO_OWNERS = (
    "Your organization's two-owner rule is on: a member proposes this in the dashboard, and another owner agrees. "
    "Nothing was changed."
)

# Both take the checked values of the body, by the names of the domain.
Act = Callable[[dict[str, Any], datetime], Any]
FurtherErrors = Callable[[dict[str, Any], datetime], Problems]


@cache
def dry_run(result: type[Serializer]) -> Serializer:
    """What `dry_run=true` answers: every problem, and what would have been made."""
    fields = {
        "valid": Flag(),
        "problems": List(WrongFieldSerializer()),
        "result": result(allow_null=True),
    }
    name = result.__name__.removesuffix("Serializer")
    made: Serializer = type(f"{name}DryRunSerializer", (Serializer,), fields)()
    return made


def written(result: type[Serializer]) -> PolymorphicProxySerializer:
    """What a change answers: done, or as a dry run."""
    name = result.__name__.removesuffix("Serializer")
    return PolymorphicProxySerializer(f"{name}OrDryRun", [result(), dry_run(result)], None)


class NeedsSecondOwner(APIException):
    """An app has no colleagues: nothing is proposed in its name."""

    status_code = 409
    default_detail = TWO_OWNERS


class ManagedView(OrganizationView):
    """Reading needs no scope, writing needs `drops:write`."""

    action = Action.SEE_CAMPAIGNS
    change: Action
    needs = {"get": APP_ITSELF, "post": DROPS_WRITE, "patch": DROPS_WRITE}

    @property
    def is_dry_run(self) -> bool:
        return bool(WriteQuery.read(self.request.query_params)["dry_run"])

    def organization(self) -> Organization:
        return Organization.objects.get(pk=self.organization_id)

    def app(self) -> OAuthApp:
        return OAuthApp.objects.get(pk=self.caller.app_id)

    def without_files(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values, in a dry run without its picture: it was checked, and a file would outlive the rollback."""
        return values | {"image": None} if self.is_dry_run and "image" in values else dict(values)

    def write(
        self,
        body: Serializer | None,
        act: Act,
        shape: Callable[[Any, datetime], dict[str, Any]],
        *,
        further_errors: FurtherErrors | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Do `act` and answer with its result, or say every problem found: 422, nothing changed. 409 for what the
        organization's two-owner rule leaves to its owners.

        `further_errors`: what the domain has against those values that are right, where others are not. With
        `?dry_run=true` nothing is changed either way, and the problems are the answer.
        """
        permissions.require_app(self.caller, self.change)
        now = timezone.now()
        values, problems = _checked(body, further_errors, now)

        def acted() -> dict[str, Any]:
            if problems:
                raise Refused(problems)
            try:
                return shape(act(values, now), now)
            except ValidationError as error:
                raise Refused(_as_sent(body, problems_of(error))) from None
            except SecondOwnerNeeded:
                if self.is_dry_run:
                    raise Refused({"": [TWO_OWNERS]}) from None
                raise NeedsSecondOwner from None

        def done() -> HttpResponse:
            try:
                return answer({"data": acted(), "message": "OK"}, status=status)
            except ObjectDoesNotExist:
                # A draft that somebody deleted since this call found it.
                raise NotFound from None

        try:
            if self.is_dry_run:
                return self._dry_run(acted)
            return once(self.request, caller=self.caller, now=now, act=done)
        except Refused as refused:
            raise Unprocessable(text_of(refused.problems)) from None

    def _dry_run(self, acted: Callable[[], dict[str, Any]]) -> HttpResponse:
        result, problems = None, []
        with transaction.atomic():
            try:
                result = acted()
            except Refused as refused:
                problems = [
                    {"field": field, "message": message}
                    for field, messages in refused.problems.items()
                    for message in messages
                ]
            transaction.set_rollback(True)
        return ok({"valid": not problems, "problems": problems, "result": result})


class Refused(Exception):
    def __init__(self, problems: Problems) -> None:
        self.problems = problems


def _checked(
    body: Serializer | None, further_errors: FurtherErrors | None, now: datetime
) -> tuple[dict[str, Any], Problems]:
    if body is None:
        return {}, {}
    try:
        return body.checked(), {}
    except Malformed as error:
        further = further_errors(body.valid, now) if further_errors else {}
        return {}, _as_sent(body, further) | problems_of(error)


def _as_sent(body: Serializer | None, problems: Problems) -> Problems:
    """By the names of the body: `category_id`, where the domain speaks of the category."""
    names = {field.source: name for name, field in body.fields.items() if not field.read_only} if body else {}
    return {names.get(field, field): messages for field, messages in problems.items()}

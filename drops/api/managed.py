"""What every view of drops as code stands on: an organization's own servers write its drops."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied

from accounts.api.authentication import OrganizationView
from accounts.api.idempotency import Unprocessable, once
from accounts.models import OAuthApp, Organization
from accounts.oauth.scopes import DROPS_WRITE
from config.api.body import Problems, whole_number
from config.api.envelope import answer, ok, problems_of, text_of
from config.api.schema import choice, header_parameter, parameter
from config.api.views import MAX_ID, Query
from drops.models import Category

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
                raise Unprocessable(text_of(problems_of(error))) from None
            except ObjectDoesNotExist:
                # A draft that somebody deleted since this call found it.
                raise NotFound from None
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
                    problems = problems_of(error)
                transaction.set_rollback(True)
        listed = [
            {"field": field, "message": message} for field, texts in problems.items() for message in texts
        ]
        return ok({"valid": not listed, "problems": listed, "result": result})


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """The API speaks of `category_id`, the plan of the category."""
    return {("category" if name == "category_id" else name): value for name, value in values.items()}


def read_category(value: Any) -> Category | None:
    if value is None:
        return None
    number = whole_number(least=0, most=MAX_ID)(value)
    category = Category.objects.filter(pk=number).first()
    if category is None:
        raise ValueError(f"there is no category {number}.")
    return category

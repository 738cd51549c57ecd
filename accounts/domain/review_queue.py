"""What waits for operators, and their reminder of it: once a day, while something has waited for a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.models import (
    ApplicationStep,
    ChangeState,
    Organization,
    OrganizationChange,
    OrganizationState,
    StepKind,
    User,
)

LONG = timedelta(days=1)


class Waiting(NamedTuple):
    """How many of each wait."""

    applications: int
    changes: int


def applications(*, before: datetime | None = None) -> QuerySet[Organization]:
    """Those that an operator has to answer; with `before`, those that have waited since then or longer."""
    last = ApplicationStep.objects.filter(organization=OuterRef("pk")).order_by("-pk")
    found = (
        Organization.objects.filter(OrganizationState.WAITING.of())
        .annotate(
            last_step=Subquery(last.values("kind")[:1]),
            since=Coalesce(Subquery(last.values("at")[:1]), "created_at"),
        )
        .exclude(last_step=StepKind.ASKED)
    )
    return found if before is None else found.filter(since__lte=before)


def changes() -> QuerySet[OrganizationChange]:
    return OrganizationChange.objects.filter(state=ChangeState.WAITING)


def waiting() -> Waiting:
    return Waiting(applications().count(), changes().count())


def _values(_operator: User, _data: Any) -> dict[str, Any]:
    """As it is when the mail is sent."""
    return waiting()._asdict()


REMINDER = register(
    Kind(
        code="review_queue",
        label=_("What waits for operators"),
        words=_("Once a day, while an application, or a new name or logo, has waited for more than a day."),
        for_operators=True,
        model=User,
        template="accounts/mail/review_queue",
        values=_values,
        is_current=lambda _operator, _data, _now: any(waiting()),
        good_for=timedelta(days=1),
    )
)


def remind(*, now: datetime) -> None:
    """Tell each operator at most once on each day (UTC)."""
    before = now - LONG
    if changes().filter(asked_at__lte=before).exists() or applications(before=before).exists():
        for operator in REMINDER.people(None):
            write(REMINDER, about=operator, once=f"{now:%Y-%m-%d}", now=now, people=[operator])

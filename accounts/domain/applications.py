"""The application of an organization: operators ask back, its owners answer, operators approve or refuse.

`organizations.register_organization` begins it and `organizations.approve_organization` ends it well.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import NamedTuple, cast

from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain import audit, names, permissions
from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.domain.verbs import change
from accounts.models import ApplicationStep, Organization, OrganizationState, StepKind, User
from config.locks import lock

TO_JUDGE = register(
    Kind(
        code="application_to_judge",
        label=gettext_lazy("Applications"),
        words=gettext_lazy("An organization asks to be approved, or has answered your question."),
        for_operators=True,
        model=ApplicationStep,
        related=("organization",),
        template=lambda step: f"accounts/mail/application_{step.kind}",
        values=lambda step, _data: {"step": step, "organization": step.organization},
    )
)
JUDGED = register(
    Kind(
        code="application_judged",
        label=gettext_lazy("Your application"),
        words=gettext_lazy("The operators ask you something, approve your organization, or refuse it."),
        action=Action.CHANGE_SETTINGS,
        model=ApplicationStep,
        related=("organization",),
        template=lambda step: f"accounts/mail/application_{step.kind}",
        values=lambda step, _data: {"step": step, "organization": step.organization},
    )
)
OF_APPLICANTS = (StepKind.SENT, StepKind.ANSWERED)

# Sent with an `organization`: a receiver returns the `Claim`s of what it asks for.
claims_asked = Signal()


class Claim(NamedTuple):
    """A category that an application asks for: what approving it does, and whether it can be given at all."""

    name: str
    words: str
    is_free: bool


def claims_of(organization: Organization) -> list[Claim]:
    answers = claims_asked.send(sender=Organization, organization=organization)
    return [claim for _receiver, claims in answers for claim in cast("list[Claim]", claims)]


def last_step(organization: Organization) -> ApplicationStep | None:
    return organization.application_steps.last()


def add_step(organization: Organization, kind: StepKind, text: str, *, now: datetime, by: User) -> None:
    """Write it down, and tell the other side. ValidationError where `text` is too long."""
    step = ApplicationStep(organization=organization, kind=kind, text=text.strip(), by=by, at=now)
    step.full_clean()
    step.save()
    write(TO_JUDGE if kind in OF_APPLICANTS else JUDGED, about=step, once="", now=now)


def digest(organization: Organization) -> str:
    """Another one as soon as anything that an operator judges has changed."""
    apps = organization.oauth_apps.filter(deleted_at=None).order_by("pk")
    seen = [
        organization.name,
        organization.logo.name,
        organization.url,
        organization.connect_url,
        organization.contact_email,
        organization.requested_categories,
        *apps.values_list("name", "redirect_uris", "logo"),
        *organization.application_steps.values_list("pk"),
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def why_not_decide(organization: Organization) -> str:
    """Why operators neither ask back nor refuse; empty if they may."""
    if organization.state is OrganizationState.WAITING:
        return ""
    return _("%(organization)s does not wait for approval.") % {"organization": organization}


def why_not_approve(organization: Organization) -> str:
    """Why its application cannot be approved; empty if it can, also where it was refused before."""
    if not organization.was_approved:
        return ""
    return _("%(organization)s was approved before.") % {"organization": organization}


def why_not_answer(step: ApplicationStep | None) -> str:
    """Why there is nothing to answer after the last `step`; empty if there is."""
    if step is not None and step.kind == StepKind.ASKED:
        return ""
    return _("No question waits for an answer.")


@transaction.atomic
def ask_back(*, organization: Organization, question: str, now: datetime, actor: User) -> None:
    """Ask the applicants something. ValidationError without a question, or where the organization does not wait."""
    permissions.require_operator(actor, Action.OPERATE)
    organization = _lock_waiting(organization)
    _require(question)
    add_step(organization, StepKind.ASKED, question, now=now, by=actor)
    audit.record("organization.asked", organization, by=actor, at=now, data={"question": question.strip()})


@transaction.atomic
def answer(*, organization: Organization, text: str, now: datetime, actor: User) -> None:
    """Answer what operators asked. ValidationError without an answer, or where nothing was asked."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_SETTINGS)
    organization = _lock_waiting(organization)
    if refusal := why_not_answer(last_step(organization)):
        raise ValidationError(refusal)
    _require(text)
    add_step(organization, StepKind.ANSWERED, text, now=now, by=actor)
    audit.record("organization.answered", organization, by=actor, at=now, data={"answer": text.strip()})


@transaction.atomic
def refuse(*, organization: Organization, reason: str, now: datetime, actor: User) -> None:
    """Its name is free at once, and its founder may register another. ValidationError without a reason, or where it
    does not wait.
    """
    permissions.require_operator(actor, Action.OPERATE)
    organization = _lock_waiting(organization)
    _require(reason)
    add_step(organization, StepKind.REFUSED, reason, now=now, by=actor)
    data = {"explanation": reason.strip()}
    change(organization, "organization.refused", by=actor, at=now, data=data, suspended_at=now)
    names.hold(organization)


def _lock_waiting(organization: Organization) -> Organization:
    organization = lock(organization)
    if refusal := why_not_decide(organization):
        raise ValidationError(refusal)
    return organization


def _require(text: str) -> None:
    if not text.strip():
        raise ValidationError({"text": _("Write something. The other side reads it.")})

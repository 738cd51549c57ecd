"""The application of an organization: asked back, answered, approved or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.domain import applications, apps, names, organizations
from accounts.models import ApplicationStep, AuditEvent, Organization, OrganizationState, StepKind, User
from tests import factories


@pytest.fixture
def waiting(stranger: User, now: datetime) -> Organization:
    return organizations.register_organization(
        founder=stranger,
        name="Polar Games",
        url="",
        connect_url="",
        requested_categories="Skyforge",
        contact_email="",
        logo=None,
        plan=" A season of twelve weeks. ",
        now=now,
    )


def kinds(organization: Organization) -> list[str]:
    return list(organization.application_steps.values_list("kind", flat=True))


def test_an_application_is_asked_back_answered_and_approved(
    waiting: Organization, stranger: User, operator: User, now: datetime
) -> None:
    first = applications.last_step(waiting)
    assert first is not None
    assert (first.kind, first.text, first.by) == (StepKind.SENT, "A season of twelve weeks.", stranger)
    applications.ask_back(organization=waiting, question="Whose game is it?", now=now, actor=operator)
    assert Organization.objects.get().state is OrganizationState.WAITING
    applications.answer(organization=waiting, text="Ours.", now=now, actor=stranger)
    organizations.approve_organization(organization=waiting, now=now, actor=operator)
    assert kinds(waiting) == ["sent", "asked", "answered", "approved"]
    assert list(
        AuditEvent.objects.filter(organization=waiting).order_by("pk").values_list("action", flat=True)
    ) == [
        "organization.registered",
        "organization.asked",
        "organization.answered",
        "organization.approved",
        "category.created",
    ]


def test_what_is_refused_frees_the_name_and_tells_why(
    waiting: Organization, operator: User, now: datetime
) -> None:
    applications.refuse(organization=waiting, reason="Not your game.", now=now, actor=operator)
    waiting.refresh_from_db()
    assert waiting.state is OrganizationState.SUSPENDED
    last = applications.last_step(waiting)
    assert last is not None
    assert (last.kind, last.text) == (StepKind.REFUSED, "Not your game.")
    assert not waiting.taken_names.exists()
    assert AuditEvent.objects.latest("pk").data == {"explanation": "Not your game."}

    organizations.approve_organization(organization=waiting, now=now, actor=operator)  # after all
    assert kinds(waiting) == ["sent", "refused", "approved"]
    assert waiting.taken_names.get().key == names.key_of("Polar Games")


@pytest.mark.parametrize("text", ["", "  ", "x" * 1001])
def test_a_question_an_answer_and_a_refusal_need_words(
    waiting: Organization, stranger: User, operator: User, now: datetime, text: str
) -> None:
    acts: list[Callable[[], object]] = [
        lambda: applications.ask_back(organization=waiting, question=text, now=now, actor=operator),
        lambda: applications.answer(organization=waiting, text=text, now=now, actor=stranger),
        lambda: applications.refuse(organization=waiting, reason=text, now=now, actor=operator),
    ]
    for act in acts:
        if act is acts[1]:
            applications.ask_back(organization=waiting, question="Whose?", now=now, actor=operator)
        with pytest.raises(ValidationError) as refusal:
            act()
        assert refusal.value.message_dict.keys() == {"text"}
    waiting.refresh_from_db()
    assert waiting.state is OrganizationState.WAITING


def test_who_may_do_what(waiting: Organization, stranger: User, owner: User, now: datetime) -> None:
    for act in (
        lambda: applications.ask_back(organization=waiting, question="Why?", now=now, actor=stranger),
        lambda: applications.refuse(organization=waiting, reason="No.", now=now, actor=stranger),
        lambda: applications.answer(organization=waiting, text="Yes.", now=now, actor=owner),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert kinds(waiting) == ["sent"]


def test_there_is_nothing_to_answer_unless_somebody_asked(
    waiting: Organization, stranger: User, operator: User, now: datetime
) -> None:
    def answer() -> None:
        applications.answer(organization=waiting, text="Ours.", now=now, actor=stranger)

    with pytest.raises(ValidationError, match="No question"):
        answer()
    applications.ask_back(organization=waiting, question="Whose?", now=now, actor=operator)
    answer()
    with pytest.raises(ValidationError, match="No question"):
        answer()


def test_one_that_does_not_wait_is_neither_asked_nor_refused(
    studio: Organization, operator: User, now: datetime
) -> None:
    with pytest.raises(ValidationError, match="does not wait"):
        applications.ask_back(organization=studio, question="Why?", now=now, actor=operator)
    with pytest.raises(ValidationError, match="does not wait"):
        applications.refuse(organization=studio, reason="No.", now=now, actor=operator)
    assert not ApplicationStep.objects.exists()


def test_one_that_waits_is_refused_with_a_reason_and_not_suspended(
    waiting: Organization, operator: User, now: datetime
) -> None:
    with pytest.raises(ValidationError, match="Refuse it"):
        organizations.suspend_organization(organization=waiting, reason="Fraud", now=now, actor=operator)


def test_an_operator_approves_what_they_have_seen(
    waiting: Organization, stranger: User, operator: User, now: datetime, picture: Any
) -> None:
    def change(**wanted: Any) -> None:
        organizations.change_organization(organization=waiting, now=now, actor=stranger, **wanted)

    app = factories.OAuthAppFactory(organization=waiting)
    for act in (
        lambda: change(name="Polar Works"),
        lambda: change(logo=picture),
        lambda: change(url="https://polar.example"),
        lambda: apps.change_app(app=app, name="Polar Connect", now=now, actor=stranger),
        lambda: apps.change_app(app=app, logo=picture, now=now, actor=stranger),
        lambda: applications.ask_back(organization=waiting, question="Why?", now=now, actor=operator),
    ):
        seen = applications.digest(Organization.objects.get(pk=waiting.pk))
        act()
        with pytest.raises(ValidationError, match="changed since you opened"):
            organizations.approve_organization(organization=waiting, now=now, actor=operator, seen=seen)
    seen = applications.digest(Organization.objects.get(pk=waiting.pk))
    organizations.approve_organization(organization=waiting, now=now, actor=operator, seen=seen)
    assert Organization.objects.get(pk=waiting.pk).is_active

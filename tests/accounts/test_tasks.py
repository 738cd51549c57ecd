"""Owners are told of changes of their organization; what accounts leaves behind is cleared away."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import time_machine
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.domain import applications, apps, organization_changes, organizations
from accounts.models import MemberRole, OAuthApp, Organization, OrganizationChange, User
from accounts.tasks import clear_tokens
from tests import factories
from tests.factories import NOW
from tests.mails import recipients, send_notices, text_of


def sign_in(person: User) -> str:
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": "nine-lanterns-lit"})
    return str(browser.session.session_key)


def test_sessions_that_expired_are_deleted_and_so_is_what_is_known_of_them(viewer: User) -> None:
    viewer.set_password("nine-lanterns-lit")
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    with time_machine.travel(NOW, tick=False):
        sign_in(viewer)
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        later = sign_in(viewer)
    assert Session.objects.count() == UserSession.objects.count() == 2

    with time_machine.travel(NOW + timedelta(days=15), tick=False):
        clear_tokens()

    assert Session.objects.get().session_key == UserSession.objects.get().session_key == later


def ask(studio: Organization, owner: User, name: str) -> OrganizationChange:
    organizations.change_organization(organization=studio, name=name, now=NOW, actor=owner)
    change = organization_changes.waiting_change(studio)
    assert change is not None
    return change


def test_each_step_of_an_application_is_told_to_the_other_side(stranger: User, operator: User) -> None:
    second = factories.UserFactory(is_staff=True)
    factories.UserFactory(is_staff=True, is_active=False)
    studio = organizations.register_organization(
        founder=stranger,
        name="Polar & Co",
        url="",
        connect_url="",
        requested_categories="",
        contact_email="",
        logo=None,
        plan="Twelve weeks & more.",
        now=NOW,
    )
    told = send_notices()
    message = told[0]
    assert recipients(told) == sorted([operator.email, second.email])
    assert message.subject == "Polar & Co asks to be approved"
    assert "Twelve weeks & more." in message.body
    assert text_of(message).endswith(f"/admin/accounts/organization/{studio.pk}/change/")

    applications.ask_back(organization=studio, question="Whose game?", now=NOW, actor=operator)
    (message,) = send_notices()
    assert (message.to, message.subject) == ([stranger.email], "A question about Polar & Co")
    assert "Whose game?" in message.body
    assert text_of(message).endswith("/dashboard/application/")

    applications.answer(organization=studio, text="Ours.", now=NOW, actor=stranger)
    told = send_notices()
    message = told[0]
    assert recipients(told) == sorted([operator.email, second.email])
    assert message.subject == "Polar & Co has answered"
    assert "Ours." in message.body

    applications.refuse(organization=studio, reason="Not yours.", now=NOW, actor=operator)
    organizations.approve_organization(organization=studio, now=NOW, actor=operator)
    refused, approved = send_notices()
    assert (refused.to, refused.subject) == ([stranger.email], "Polar & Co was refused")
    assert "Not yours." in refused.body
    assert (approved.to, approved.subject) == ([stranger.email], "Polar & Co was approved")


def test_owners_are_told_what_is_asked_for_and_what_came_of_it(
    studio: Organization,
    owner: User,
    second_owner: User,
    member: User,
    rival_owner: User,
    operator: User,
    now: datetime,
) -> None:
    ask(studio, owner, "Northlight")
    change = ask(studio, owner, "Polar\u00a0& Co")  # in the same minute: one mail is enough
    *told, to_decide = send_notices()
    message = told[0]
    assert recipients(told) == sorted([owner.email, second_owner.email])
    assert (to_decide.to, to_decide.subject) == (
        [operator.email],
        "A new name or logo of Northlight Games waits for you",
    )
    assert "New name: Polar\u00a0& Co" in to_decide.body
    assert text_of(to_decide).endswith(f"/admin/accounts/organizationchange/{change.pk}/change/")
    assert message.subject == "A change of Northlight Games waits for approval"
    assert text_of(message).splitlines() == [
        "owner asked for a change of what viewers see of Northlight Games on Drops.",
        "",
        "New name: Polar\u00a0& Co",
        "",
        (
            "Viewers see what was there before until an operator of the platform approves the change. "
            "You can withdraw it here:"
        ),
        "http://127.0.0.1:8000/dashboard/settings/",
    ]

    reason = "It is the name of another game."
    organization_changes.refuse_change(change=change, reason=reason, now=now, actor=operator)
    message, _to_the_other_owner = send_notices()
    assert message.subject == "The change of Northlight Games was refused"
    assert f"Reason: {reason}" in message.body

    organization_changes.withdraw_change(change=ask(studio, owner, "Polar"), now=now, actor=second_owner)
    message, _to_the_other_owner = send_notices()
    assert message.subject == "The change of Northlight Games was withdrawn"
    assert "second_owner withdrew this change." in message.body

    change = ask(studio, owner, "Northlight")
    assert len(send_notices()) == 3
    organization_changes.approve_change(change=change, now=now, actor=operator)
    message, _to_the_other_owner = send_notices()
    assert message.subject == "The change of Northlight was approved"
    assert "operator approved" not in message.body
    assert "New name: Northlight" in message.body


def test_whoever_may_change_apps_is_told_of_the_logo_of_an_app(
    studio: Organization, owner: User, studio_app: OAuthApp, operator: User, picture: Any
) -> None:
    developer = factories.MembershipFactory(organization=studio, role=MemberRole.DEVELOPER).user
    factories.MembershipFactory(organization=studio, role=MemberRole.MANAGER)
    apps.change_app(app=studio_app, logo=picture, now=NOW, actor=developer)
    *told, _to_decide = send_notices()
    message = told[0]
    assert recipients(told) == sorted([owner.email, developer.email])
    assert message.subject == f"A change of {studio_app.name} waits for approval"
    assert f"{studio_app.name} is an app of Northlight Games." in message.body
    assert text_of(message).endswith(f"/dashboard/apps/{studio_app.pk}/change/")

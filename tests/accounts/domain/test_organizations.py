from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.domain import applications, organizations
from accounts.models import ApplicationStep, AuditEvent, MemberRole, Organization, User
from tests import factories

LATER = timedelta(days=1)


def register(founder: User, now: datetime, **fields: Any) -> Organization:
    given = {
        "name": "Northlight Games",
        "url": "https://northlight.example",
        "connect_url": "https://northlight.example/connect",
        "requested_categories": "Skyforge Rally",
        "contact_email": "hello@northlight.example",
        "logo": None,
    }
    return organizations.register_organization(founder=founder, now=now, **(given | fields))


def test_a_founder_owns_what_waits_for_approval(stranger: User, now: datetime) -> None:
    organization = register(stranger, now)
    assert not organization.is_active
    assert organization.memberships.get().user == stranger
    assert organization.memberships.get().role == MemberRole.OWNER
    assert AuditEvent.objects.get().action == "organization.registered"


def test_one_registration_waits_at_a_time(stranger: User, operator: User, now: datetime) -> None:
    first = register(stranger, now)
    with pytest.raises(ValidationError, match="waiting for approval"):
        register(stranger, now, name="Another")
    organizations.approve_organization(organization=first, now=now, actor=operator)
    assert register(stranger, now, name="Another").slug == "another"


def test_a_founder_who_was_refused_registers_again(stranger: User, operator: User, now: datetime) -> None:
    refused = register(stranger, now)
    applications.refuse(organization=refused, reason="No.", now=now, actor=operator)
    assert register(stranger, now, name="Another").state.label == "Waiting for approval"


def test_addresses_never_repeat(stranger: User, viewer: User, now: datetime) -> None:
    assert register(stranger, now, name="遊戯").slug == "organization"
    assert register(viewer, now, name="東京").slug.startswith("organization-")


def test_a_registration_keeps_its_name_until_it_is_refused(
    stranger: User, viewer: User, operator: User, now: datetime
) -> None:
    first = register(stranger, now)
    with pytest.raises(ValidationError, match="“Northlight Garnes” is taken") as refusal:
        register(viewer, now, name="Northlight Garnes")
    assert refusal.value.message_dict.keys() == {"name"}
    applications.refuse(organization=first, reason="No.", now=now, actor=operator)
    assert register(viewer, now, name="Northlight Garnes").slug == "northlight-garnes"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://northlight.example", "northlight"])
def test_viewers_are_only_ever_sent_to_web_addresses(stranger: User, now: datetime, address: str) -> None:
    for field in ("url", "connect_url"):
        with pytest.raises(ValidationError) as refusal:
            register(stranger, now, **{field: address})
        assert field in refusal.value.message_dict
    assert not Organization.objects.exists()


def test_approval_and_suspension_are_noted_once(stranger: User, operator: User, now: datetime) -> None:
    organization = register(stranger, now)
    for verb, more in (
        (organizations.approve_organization, {}),
        (organizations.suspend_organization, {"reason": "Fraud"}),
    ):
        verb(organization=organization, now=now, actor=operator, **more)
        verb(organization=organization, now=now + LATER, actor=operator, **more)
    organization.refresh_from_db()
    assert (organization.approved_at, organization.suspended_at) == (now, now)
    again = organizations.approve_organization(organization=organization, now=now + LATER, actor=operator)
    assert again.is_active
    assert again.approved_at == now
    events = AuditEvent.objects.filter(actor=operator, action__startswith="organization.").order_by("id")
    actions = events.values_list("action", flat=True)
    assert list(actions) == ["organization.approved", "organization.suspended", "organization.approved"]


def test_the_audit_trail_says_what_changed(studio: Organization, owner: User, now: datetime) -> None:
    changed = organizations.change_organization(
        organization=studio, url="https://northlight.example", contact_email="", now=now, actor=owner
    )
    assert changed.url == "https://northlight.example"
    organizations.change_organization(organization=studio, url=changed.url, now=now, actor=owner)
    assert AuditEvent.objects.get().data == {
        "url": ["https://studio.example.com", "https://northlight.example"]
    }


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_names_that_look_alike_and_are_registered_at_once_one_is_taken() -> None:
    look_alikes = ["Northlight Games", "N0rthlight  Games", "NORTHLIGHT GARNES", "Northlight-Games"]
    start = Barrier(len(look_alikes))
    browsers = []
    for _ in look_alikes:
        browser = Client()
        browser.force_login(factories.UserFactory())
        browsers.append(browser)

    def send(browser: Client, name: str) -> HttpResponse:
        form = {"name": name, "url": "https://studio.example", "requested_categories": "Skyforge Rally"}
        start.wait()
        try:
            return browser.post("/dashboard/register/", form)
        finally:
            connection.close()

    for word in ("One", "Two", "Three"):
        AuditEvent.objects.all().delete()
        ApplicationStep.objects.all().delete()
        Organization.objects.all().delete()
        with ThreadPoolExecutor(len(look_alikes)) as threads:
            answers = list(threads.map(send, browsers, [f"{name} {word}" for name in look_alikes]))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
        for answer in answers:
            assert answer.status_code == 302 or "looks like it" in answer.context["form"].errors["name"][0]
        assert Organization.objects.get().taken_names.count() == 1


@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_nobody_is_suspended_without_a_reason(
    studio: Organization, operator: User, now: datetime, reason: str
) -> None:
    with pytest.raises(ValidationError, match="Give a reason"):
        organizations.suspend_organization(organization=studio, reason=reason, now=now, actor=operator)
    studio.refresh_from_db()
    assert studio.is_active

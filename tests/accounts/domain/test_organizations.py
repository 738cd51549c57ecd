from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.domain import organizations
from accounts.models import AuditEvent, MemberRole, Organization, User
from tests import factories

LATER = timedelta(days=1)


def register(founder: User, now: datetime, **fields: Any) -> Organization:
    given = {
        "name": "Northlight Games",
        "url": "https://northlight.example",
        "connect_url": "https://northlight.example/connect",
        "requested_category": "Skyforge Rally",
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
    organizations.suspend_organization(organization=refused, now=now, actor=operator)
    assert register(stranger, now, name="Another").state.label == "Waiting for approval"


def test_names_may_repeat_and_addresses_do_not(stranger: User, viewer: User, now: datetime) -> None:
    first, second = register(stranger, now), register(viewer, now)
    assert first.slug == "northlight-games"
    assert second.slug != first.slug
    assert register(factories.UserFactory(), now, name="遊戯").slug.startswith("organization")


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://northlight.example", "northlight"])
def test_viewers_are_only_ever_sent_to_web_addresses(stranger: User, now: datetime, address: str) -> None:
    for field in ("url", "connect_url"):
        with pytest.raises(ValidationError) as refusal:
            register(stranger, now, **{field: address})
        assert field in refusal.value.message_dict
    assert not Organization.objects.exists()


def test_approval_and_suspension_are_noted_once(stranger: User, operator: User, now: datetime) -> None:
    organization = register(stranger, now)
    for verb in (organizations.approve_organization, organizations.suspend_organization):
        verb(organization=organization, now=now, actor=operator)
        verb(organization=organization, now=now + LATER, actor=operator)
    organization.refresh_from_db()
    assert (organization.approved_at, organization.suspended_at) == (now, now)
    again = organizations.approve_organization(organization=organization, now=now + LATER, actor=operator)
    assert again.is_active
    assert again.approved_at == now
    actions = AuditEvent.objects.filter(actor=operator).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["organization.approved", "organization.suspended", "organization.approved"]


def test_the_audit_trail_says_what_changed(studio: Organization, owner: User, now: datetime) -> None:
    changed = organizations.change_organization(
        organization=studio, name="Northlight", url=studio.url, now=now, actor=owner
    )
    assert changed.name == "Northlight"
    organizations.change_organization(organization=studio, name="Northlight", now=now, actor=owner)
    assert AuditEvent.objects.get().data == {"name": ["Northlight Games", "Northlight"]}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_name_registered_twice_at_once_is_two_organizations(
    stranger: User, viewer: User, now: datetime
) -> None:
    took = Event()

    def register_slowly() -> str:
        try:
            with transaction.atomic():
                organization = register(viewer, now)
                took.set()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(0.5)")
                return organization.slug
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(register_slowly)
        took.wait()
        second = register(stranger, now).slug
        assert first.result() == "northlight-games"
    assert second.startswith("northlight-games-")
    assert Organization.objects.count() == 2

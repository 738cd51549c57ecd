"""Operators decide on applications: each decision has its page, and is made of what that page showed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import ApplicationStep, Organization, User
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW

ORGANIZATIONS = "/admin/accounts/organization/"


@pytest.fixture
def desk(client: Client, operator: User) -> Iterator[Client]:
    sign_in(client, operator)
    with time_machine.travel(NOW, tick=False):
        yield client


@pytest.fixture
def waiting(db: None) -> Organization:
    organization = factories.OrganizationFactory(
        name="Polar Games", approved_at=None, logo="organizations/polar.webp"
    )
    owner = factories.MembershipFactory(organization=organization).user
    factories.OAuthAppFactory(organization=organization, name="Polar Connect", logo="apps/polar.webp")
    ApplicationStep.objects.create(
        organization=organization, kind="sent", text="A <season> of twelve weeks.", by=owner, at=NOW
    )
    return organization


def decide(desk: Client, organization: Organization, decision: str, **data: Any) -> str:
    url = f"{ORGANIZATIONS}{organization.pk}/{decision}/"
    seen = re.findall(r'name="seen" value="(\w+)"', words(desk.get(url, follow=True)))
    return words(desk.post(url, {"seen": seen[0] if seen else ""} | data, follow=True))


def test_all_that_is_judged_is_on_the_page(desk: Client, waiting: Organization) -> None:
    page = words(desk.get(f"{ORGANIZATIONS}{waiting.pk}/change/"))
    for decision in ("approve", "ask", "refuse"):
        url = f"{ORGANIZATIONS}{waiting.pk}/{decision}/"
        assert url in page
        shown = words(desk.get(url))
        for what in (
            waiting.logo.url,
            "apps/polar.webp",
            "Polar Connect",
            "A &lt;season&gt; of twelve weeks.",
            waiting.url,
        ):
            assert what in shown, what


def test_an_application_is_approved(desk: Client, waiting: Organization) -> None:
    assert "“Polar Games” was approved" in decide(desk, waiting, "approve").replace(
        "Polar Games was", "“Polar Games” was"
    )
    waiting.refresh_from_db()
    assert waiting.approved_at == NOW
    page = words(desk.get(f"{ORGANIZATIONS}{waiting.pk}/change/"))
    assert f"{waiting.pk}/approve/" not in page
    assert "was approved before" in decide(desk, waiting, "approve")
    assert "does not wait for approval" in decide(desk, waiting, "refuse", text="No.")


def test_what_changed_meanwhile_is_not_approved(desk: Client, waiting: Organization) -> None:
    url = f"{ORGANIZATIONS}{waiting.pk}/approve/"
    (seen,) = re.findall(r'name="seen" value="(\w+)"', words(desk.get(url)))
    Organization.objects.update(name="Northlight Games")
    assert "changed since you opened this page" in words(desk.post(url, {"seen": seen}))
    assert "changed since you opened this page" in words(desk.post(url))
    waiting.refresh_from_db()
    assert waiting.approved_at is None


def test_operators_ask_back(desk: Client, waiting: Organization) -> None:
    assert "This field is required" in decide(desk, waiting, "ask", text=" ")
    assert "at most 1000" in decide(desk, waiting, "ask", text="x" * 1001)
    assert "are asked" in decide(desk, waiting, "ask", text="Whose game is it?")
    page = words(desk.get(f"{ORGANIZATIONS}{waiting.pk}/change/"))
    assert "Whose game is it?" in page
    assert "Whose game is it?" in words(desk.get(f"{ORGANIZATIONS}{waiting.pk}/history/"))
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_an_application_is_refused_with_a_reason(desk: Client, waiting: Organization) -> None:
    assert "This field is required" in decide(desk, waiting, "refuse")
    assert "was refused" in decide(desk, waiting, "refuse", text="Not your game.")
    waiting.refresh_from_db()
    assert waiting.state == "suspended"
    page = words(desk.get(f"{ORGANIZATIONS}{waiting.pk}/change/"))
    assert f"{waiting.pk}/approve/" in page  # after all
    assert f"{waiting.pk}/refuse/" not in page


def test_lists_end_suspensions_and_approve_nobody_unseen(
    desk: Client, waiting: Organization, studio: Organization
) -> None:
    Organization.objects.filter(pk=studio.pk).update(suspended_at=NOW - timedelta(days=1))
    data = {"action": "end_suspension", "_selected_action": [waiting.pk, studio.pk]}
    assert "1 not suspended any more" in words(desk.post(ORGANIZATIONS, data, follow=True))
    waiting.refresh_from_db()
    studio.refresh_from_db()
    assert (waiting.state, studio.state) == ("waiting", "active")
    data |= {"action": "suspend", "decided": "yes", "reason": "Fraud"}
    page = words(desk.post(ORGANIZATIONS, data, follow=True))
    assert "Refuse it on its own page" in page
    assert "Suspended: Northlight Games." in page


def test_approving_gives_what_was_asked_for(
    desk: Client, waiting: Organization, studio: Organization
) -> None:
    free = factories.CategoryFactory(name="Skyforge: Rally", slug="skyforge-rally")
    taken = factories.CategoryFactory(name="Harbor Lights", organization=studio)
    Organization.objects.filter(pk=waiting.pk).update(
        requested_categories="skyforge rally\nHarbor lights\n\n  Polar   Night \nPolar Night"
    )
    form = desk.get(f"{ORGANIZATIONS}{waiting.pk}/approve/").context["form"]
    assert form.fields["categories"].choices == [
        ("skyforge rally", "“Skyforge: Rally” is claimed by nobody."),
        ("Harbor lights", "“Harbor Lights” is claimed by Northlight Games."),
        ("Polar Night", "“Polar Night” is new, and is made for it."),
    ]
    assert form.fields["categories"].initial == ["skyforge rally", "Polar Night"]
    page = decide(desk, waiting, "approve", categories=["skyforge rally", "Harbor lights"])
    assert "“Harbor Lights” is claimed by Northlight Games." in page
    assert "Select a valid choice" in decide(desk, waiting, "approve", categories=["Other"])
    free.refresh_from_db()
    waiting.refresh_from_db()
    assert (free.organization, waiting.approved_at) == (None, None)

    decide(desk, waiting, "approve", categories=["skyforge rally", "Polar Night"])
    assert set(waiting.categories.values_list("name", "slug")) == {
        ("Skyforge: Rally", "skyforge-rally"),
        ("Polar Night", "polar-night"),
    }
    taken.refresh_from_db()
    assert taken.organization == studio


def test_an_operator_may_give_nothing(desk: Client, waiting: Organization) -> None:
    Organization.objects.filter(pk=waiting.pk).update(requested_categories="Polar Night")
    decide(desk, waiting, "approve")
    waiting.refresh_from_db()
    assert waiting.is_active
    assert not waiting.categories.exists()


@pytest.mark.parametrize("decision", ["approve", "ask", "refuse"])
def test_owners_decide_nothing(client: Client, owner: User, waiting: Organization, decision: str) -> None:
    sign_in(client, owner)
    for method in (client.get, client.post):
        answer = method(f"{ORGANIZATIONS}{waiting.pk}/{decision}/", {"text": "Yes."}, follow=True)
        assert answer.status_code == 403
    waiting.refresh_from_db()
    assert waiting.state == "waiting"


def test_nobodys_application_is_not_found(desk: Client) -> None:
    assert desk.get(f"{ORGANIZATIONS}nonsense/approve/").status_code == 404

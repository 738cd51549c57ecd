"""What owners see of their application, and how they answer."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client

from accounts.domain import applications
from accounts.models import ApplicationStep, Organization, User
from tests.dashboard import send_form, sign_in, words

APPLICATION = "/dashboard/application/"


@pytest.fixture
def asked(studio: Organization, owner: User, operator: User, now: datetime) -> Organization:
    Organization.objects.update(approved_at=None)
    studio.refresh_from_db()
    applications.ask_back(organization=studio, question="Whose <game> is it?", now=now, actor=operator)
    return studio


def test_owners_answer_what_operators_ask(owner_client: Client, asked: Organization) -> None:
    home = words(owner_client.get("/dashboard/"))
    assert "Whose &lt;game&gt; is it?" in home
    assert f'href="{APPLICATION}">Answer' in home
    assert "This field is required" in words(send_form(owner_client, APPLICATION, text=" "))
    page = words(send_form(owner_client, APPLICATION, text="Ours."))
    assert "Your answer was sent." in page
    assert "<p>Ours.</p>" in page
    assert "Your answer</label>" not in page
    assert "Whose" not in words(owner_client.get("/dashboard/"))
    assert "No question waits" in words(send_form(owner_client, APPLICATION, text="And more."))
    assert ApplicationStep.objects.count() == 2


def test_those_who_may_not_change_settings_look(
    client: Client, member: User, owner: User, asked: Organization
) -> None:
    sign_in(client, member)
    assert "See the application" in words(client.get("/dashboard/"))
    page = words(client.get(APPLICATION))
    assert "Whose &lt;game&gt; is it?" in page
    assert "Your answer</label>" not in page
    assert client.post(APPLICATION, {"active_organization": asked.pk, "text": "Ours."}).status_code == 403
    assert ApplicationStep.objects.count() == 1


def test_a_refused_founder_reads_why_and_registers_another(
    owner_client: Client, asked: Organization, operator: User, now: datetime
) -> None:
    applications.refuse(organization=asked, reason="Not <your> game.", now=now, actor=operator)
    home = words(owner_client.get("/dashboard/"))
    assert "Reason: Not &lt;your&gt; game." in home
    assert 'href="/dashboard/register/"' in home
    assert "is suspended" not in home


def test_an_organization_that_waits_changes_the_games_that_it_asks_for(
    owner_client: Client, studio: Organization
) -> None:
    Organization.objects.update(approved_at=None)
    page = words(
        send_form(owner_client, "/dashboard/settings/", requested_categories="Skyforge\n Harbor  Lights")
    )
    assert "assigned it what it asked for: Skyforge, Harbor Lights." in page
    for wrong, said in (
        ("\n".join(map(str, range(11))), "at most 10 categories"),
        ("x" * 121, "at most 120"),
    ):
        page = words(send_form(owner_client, "/dashboard/settings/", requested_categories=wrong))
        assert said in page
    studio.refresh_from_db()
    assert studio.requested == ["Skyforge", "Harbor Lights"]


def test_what_was_said_stays_readable(owner_client: Client, studio: Organization) -> None:
    assert "Nothing was said" in words(owner_client.get(APPLICATION))
    assert "requested_categories" not in words(owner_client.get("/dashboard/settings/"))

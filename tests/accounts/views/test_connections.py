from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.domain import links
from accounts.models import GameLink, Organization, User, new_ulid
from tests import factories
from tests.html import assert_well_made, text_of

PAGE = "/settings/connections/"


@pytest.fixture
def client(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


@pytest.fixture
def link(viewer: User, studio: Organization, now: datetime) -> GameLink:
    app = factories.OAuthAppFactory(organization=studio, name="Northlight Connect")
    return links.link(viewer=viewer, app=app, now=now)


def unlink_page(organization: Organization) -> str:
    return f"{PAGE}{organization.pk}/unlink/"


def test_empty(client: Client):
    response = client.get(PAGE)
    assert "No game account is connected" in text_of(response)
    assert_well_made(response)


def test_names_studio_game_account_app_and_date(client: Client, link: GameLink):
    assert "The studio has not named the game account" in text_of(client.get(PAGE))
    link.game_account_id, link.game_account_name = "42", "Vera#42"
    link.save()
    response = client.get(PAGE)
    for words in ("Northlight Games", "Vera#42", "Connected since 20 Nov 2026, 12:00 UTC"):
        assert words in text_of(response)
    assert_well_made(response)


def test_connections_of_others_are_not_shown(client: Client, rival_studio: Organization, stranger: User):
    factories.GameLinkFactory(viewer=stranger, organization=rival_studio)
    assert "Rival Works" not in text_of(client.get(PAGE))
    assert client.post(unlink_page(rival_studio)).status_code == 404
    assert GameLink.objects.filter(unlinked_at=None).count() == 1


def test_unlinking_asks_first_and_keeps_the_history(client: Client, link: GameLink, studio: Organization):
    response = client.get(unlink_page(studio))
    assert "Unlink Northlight Games?" in text_of(response)
    assert_well_made(response)
    link.refresh_from_db()
    assert link.unlinked_at is None

    response = client.post(unlink_page(studio), follow=True)

    link.refresh_from_db()
    assert link.unlinked_at is not None
    assert "Northlight Games was unlinked." in text_of(response)
    assert [ended.pk for ended in response.context["ended_links"]] == [link.pk]
    assert client.post(unlink_page(studio)).status_code == 302  # from another tab


@pytest.mark.parametrize("name", [new_ulid(), "8" + "Z" * 25, "x"])
def test_unknown_studio_is_not_there(client: Client, name: str):
    assert client.post(f"{PAGE}{name}/unlink/").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_costs_the_same_however_many_there_are(
    client: Client, viewer: User, now: datetime, count: int, django_assert_num_queries: DjangoAssertNumQueries
):
    for _ in range(count):
        factories.GameLinkFactory(viewer=viewer)
        factories.GameLinkFactory(viewer=viewer, unlinked_at=now + timedelta(days=1))
    with django_assert_num_queries(5):
        client.get(PAGE)

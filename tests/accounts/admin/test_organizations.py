"""What operators decide of names and logos: old and new stand side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.domain import apps, names
from accounts.domain.organization_changes import withdraw_change
from accounts.domain.organizations import change_organization
from accounts.models import OAuthApp, Organization, OrganizationChange, User
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW

CHANGES = "/admin/accounts/organizationchange/"


@pytest.fixture
def desk(client: Client, operator: User) -> Iterator[Client]:
    sign_in(client, operator)
    with time_machine.travel(NOW, tick=False):
        yield client


@pytest.fixture
def change(studio: Organization, owner: User, picture: Any) -> OrganizationChange:
    """The studio asks for a new name and logo."""
    with time_machine.travel(NOW, tick=False):
        change_organization(organization=studio, name="Northlight", logo=picture, now=NOW, actor=owner)
    return OrganizationChange.objects.get()


def test_what_an_organization_asks_for_is_shown_beside_what_viewers_see(
    desk: Client, studio: Organization, change: OrganizationChange
) -> None:
    rival = factories.OrganizationFactory(name="Rival Works", logo="organizations/rival.webp")
    factories.OrganizationChangeFactory(organization=rival, name="Polar Games")
    assert "1 organization" not in words(desk.get("/admin/"))
    assert "2 new names or logos" in words(desk.get("/admin/"))
    for page in (CHANGES, f"{CHANGES}?state__exact=waiting"):
        shown = words(desk.get(page))
        assert "Northlight Games" in shown
        assert f'<img class="logo-tile" src="{change.logo.url}" alt="Logo"> Northlight' in shown
        assert f'<img class="logo-tile" src="{rival.logo.url}" alt="Logo"> Rival Works' in shown
        assert "Polar Games" in shown
    page = words(desk.get(f"{CHANGES}{change.pk}/change/"))
    assert change.logo.url in page
    assert 'name="_approve"' in page


def test_a_change_is_approved(desk: Client, studio: Organization, change: OrganizationChange) -> None:
    page = words(
        desk.post(f"{CHANGES}{change.pk}/change/", {"reason": "", "_approve": "Approve"}, follow=True)
    )
    assert "The change was approved." in page
    studio.refresh_from_db()
    assert studio.name == "Northlight"
    page = words(desk.get(f"{CHANGES}{change.pk}/change/"))
    assert 'name="_approve"' not in page
    assert "(a new logo) Northlight" in page
    history = words(desk.get(f"{CHANGES}{change.pk}/history/"))
    assert "New name or logo asked for" in history
    assert "New name or logo approved" in history
    assert "Name: Northlight Games → Northlight" in history
    assert "New name or logo approved" in words(
        desk.get(f"/admin/accounts/organization/{studio.pk}/history/")
    )


def test_a_change_is_refused_with_a_reason(
    desk: Client, studio: Organization, change: OrganizationChange
) -> None:
    url = f"{CHANGES}{change.pk}/change/"
    assert "Give a reason" in words(desk.post(url, {"reason": "", "_refuse": "Refuse"}))
    assert "Choose to approve or to refuse" in words(desk.post(url, {"reason": "No."}))
    assert "at most 500" in words(desk.post(url, {"reason": "x" * 501, "_refuse": "Refuse"}))
    change.refresh_from_db()
    assert change.state == "waiting"
    page = words(desk.post(url, {"reason": "It is another game's.", "_refuse": "Refuse"}, follow=True))
    assert "The change was refused." in page
    studio.refresh_from_db()
    assert studio.name == "Northlight Games"
    assert "It is another game's." in words(desk.get(url))


def test_a_change_that_was_withdrawn_meanwhile_is_not_approved(
    desk: Client, studio: Organization, owner: User, change: OrganizationChange
) -> None:
    withdraw_change(change=change, now=NOW, actor=owner)
    page = desk.post(f"{CHANGES}{change.pk}/change/", {"reason": "", "_approve": "Approve"}, follow=True)
    assert "no longer waits for a decision" in words(page)
    studio.refresh_from_db()
    assert studio.name == "Northlight Games"


def test_the_logo_of_an_app_is_shown_with_whose_app_it_is(
    desk: Client, studio: Organization, studio_app: OAuthApp, owner: User, picture: Any
) -> None:
    apps.change_app(app=studio_app, logo=picture, now=NOW, actor=owner)
    change = OrganizationChange.objects.get()
    address = f"{CHANGES}{change.pk}/change/"
    for page in (CHANGES, address):
        shown = words(desk.get(page))
        assert f"{studio_app.name}, an app of Northlight Games" in shown
        assert f'<img class="logo-tile" src="{change.logo.url}" alt="Logo"> (the same name)' in shown
    assert "The change was approved." in words(
        desk.post(address, {"reason": "", "_approve": "Approve"}, follow=True)
    )
    studio_app.refresh_from_db()
    assert studio_app.logo


def test_owners_decide_nothing(client: Client, owner: User, change: OrganizationChange) -> None:
    sign_in(client, owner)
    answer = client.post(f"{CHANGES}{change.pk}/change/", {"_approve": "Approve"}, follow=True)
    assert answer.status_code == 403
    change.refresh_from_db()
    assert change.state == "waiting"


def test_a_longer_list_of_changes_costs_no_more(
    desk: Client, change: OrganizationChange, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        with django_assert_num_queries(5):  # session, operator, factors, number of changes, changes
            desk.get(CHANGES)
        factories.OrganizationChangeFactory()
        app = factories.OAuthAppFactory()
        factories.OrganizationChangeFactory(organization=app.organization, app=app, name="", with_logo=True)
        factories.OrganizationChangeFactory(
            decided_by=factories.UserFactory(), decided_at=NOW, state="refused"
        )


def test_an_organization_is_found_by_every_name_that_is_kept_for_it(
    desk: Client, studio: Organization, change: OrganizationChange
) -> None:
    factories.OrganizationFactory()
    names.hold(studio, studio.name)
    for term in ("N0RTHLIGHT", "Northlight Garnes", "northlight-games", "light Gam", "northlight g@m"):
        found = desk.get("/admin/accounts/organization/", {"q": term}).context["cl"].result_list
        assert list(found) == [studio], term
    assert not desk.get("/admin/accounts/organization/", {"q": "Polar"}).context["cl"].result_list


def test_operators_see_the_logos_that_they_approve(desk: Client) -> None:
    waiting = factories.OrganizationFactory(approved_at=None, logo="organizations/waiting.webp")
    app = factories.OAuthAppFactory(organization=waiting, name="Companion", logo="apps/companion.webp")
    factories.OAuthAppFactory(organization=waiting, name="Given up", deleted_at=NOW)
    page = words(desk.get(f"/admin/accounts/organization/{waiting.pk}/change/"))
    assert waiting.logo.url in page
    assert app.logo.url in page
    assert "Given up" not in page
    assert "1 organization" in words(desk.get("/admin/"))

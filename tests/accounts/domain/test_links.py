"""What "linked" means: see accounts/domain/links.py."""

from datetime import timedelta

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, RefreshToken

from accounts.domain import app_removals, apps, links
from accounts.domain.users import delete_account
from accounts.models import AuditEvent, Consent, GameLink, OAuthApp, Organization, User
from tests import factories
from tests.api import connect, token_request


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client()
    client.force_login(viewer)
    return client


def is_linked(viewer: User, studio: Organization) -> bool:
    by_id = studio.pk in links.linked_organization_ids(viewer)
    assert links.is_linked(viewer=viewer, organization=studio) is by_id
    return by_id


def test_linking_twice_is_one_link(viewer: User, studio_app: OAuthApp, studio: Organization, now) -> None:
    first = links.link(viewer=viewer, app=studio_app, now=now)
    assert links.link(viewer=viewer, app=studio_app, now=now + timedelta(days=1)) == first
    assert is_linked(viewer, studio)
    assert AuditEvent.objects.filter(action="link.created").count() == 1
    assert AuditEvent.objects.filter(action="consent.given").count() == 1


def test_a_link_is_with_one_organization(viewer: User, studio_app: OAuthApp, rival_studio, now) -> None:
    links.link(viewer=viewer, app=studio_app, now=now)
    assert not is_linked(viewer, rival_studio)


def test_expired_tokens_change_nothing(
    browser: Client, viewer: User, studio_app: OAuthApp, studio: Organization, now
) -> None:
    connect(browser, studio_app)
    AccessToken.objects.update(expires=now - timedelta(days=400))
    assert is_linked(viewer, studio)


def test_unlinking_revokes_every_token_of_every_app_of_that_studio_and_no_other(
    browser: Client, viewer: User, studio_app: OAuthApp, studio: Organization, rival_app, rival_studio, now
) -> None:
    second_app = factories.OAuthAppFactory(organization=studio)
    ours = [connect(browser, studio_app), connect(browser, second_app)]
    connect(browser, rival_app)
    links.unlink(viewer=viewer, organization=studio, now=now)
    assert not is_linked(viewer, studio)
    assert is_linked(viewer, rival_studio)
    assert AccessToken.objects.count() == RefreshToken.objects.filter(revoked__isnull=True).count() == 1
    for app, tokens in zip((studio_app, second_app), ours, strict=True):
        refused = token_request(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert refused.json()["error"] == "invalid_grant"


def test_the_history_is_kept(viewer: User, studio_app: OAuthApp, studio: Organization, now) -> None:
    later, last = now + timedelta(days=1), now + timedelta(days=2)
    links.link(viewer=viewer, app=studio_app, now=now)
    links.unlink(viewer=viewer, organization=studio, now=later)
    links.link(viewer=viewer, app=studio_app, now=last)
    rows = GameLink.objects.order_by("linked_at").values_list("linked_at", "unlinked_at")
    assert list(rows) == [(now, later), (last, None)]
    assert list(Consent.objects.order_by("given_at").values_list("given_at", "ended_at")) == [
        (now, later),
        (last, None),
    ]
    ended = AuditEvent.objects.get(action="link.ended")
    assert (ended.organization, ended.actor) == (studio, viewer)


def test_unlinking_who_is_not_linked_changes_nothing(viewer: User, studio: Organization, now) -> None:
    links.unlink(viewer=viewer, organization=studio, now=now)
    assert not AuditEvent.objects.exists()


def test_a_link_made_before_consents_were_kept_can_be_unlinked(viewer: User, studio, now) -> None:
    factories.GameLinkFactory(viewer=viewer, organization=studio)
    links.unlink(viewer=viewer, organization=studio, now=now)
    assert not is_linked(viewer, studio)


def test_deleting_an_app_unlinks_those_who_agreed_to_no_other(
    browser: Client, viewer: User, stranger: User, studio_app: OAuthApp, studio: Organization, owner, now
) -> None:
    second_app = factories.OAuthAppFactory(organization=studio)
    links.link(viewer=viewer, app=studio_app, now=now)
    links.link(viewer=viewer, app=second_app, now=now)
    links.link(viewer=stranger, app=studio_app, now=now)
    connect(browser, studio_app)
    apps.delete_app(app=studio_app, now=now, actor=owner)
    assert is_linked(viewer, studio)
    assert not is_linked(stranger, studio)
    assert app_removals.go_on(now=now) == 1
    assert is_linked(viewer, studio)
    assert not is_linked(stranger, studio)
    assert not AccessToken.objects.exists()
    event = AuditEvent.objects.get(action="app.viewers_unlinked")
    assert (event.actor, event.data["unlinked_viewers"]) == (owner, 1)


def test_deleting_the_account_ends_all_of_it(
    browser: Client, viewer: User, studio_app: OAuthApp, studio: Organization, now
) -> None:
    connect(browser, studio_app)
    delete_account(user=viewer, now=now)
    assert not is_linked(viewer, studio)
    assert GameLink.objects.get(viewer=viewer).unlinked_at == now
    assert not AccessToken.objects.exists()


def test_a_suspended_organization_keeps_its_links(viewer: User, studio_app: OAuthApp, studio, now) -> None:
    links.link(viewer=viewer, app=studio_app, now=now)
    Organization.objects.update(suspended_at=now)
    assert is_linked(viewer, studio)


@pytest.mark.parametrize(
    ("connect_url", "address"),
    [
        ("", ""),
        ("https://s.example/connect", "https://s.example/connect?return_to=https%3A%2F%2Fd.example%2Fi"),
        ("https://s.example/c?a=1&b=", "https://s.example/c?a=1&b=&return_to=https%3A%2F%2Fd.example%2Fi"),
        ("https://s.example/c#x", "https://s.example/c?return_to=https%3A%2F%2Fd.example%2Fi#x"),
    ],
)
def test_the_connect_address_keeps_what_the_studio_wrote(connect_url: str, address: str) -> None:
    assert links.connect_address(connect_url=connect_url, return_to="https://d.example/i") == address

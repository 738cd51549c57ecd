"""What operators do at /admin/: they decide on organizations, people, games and the platform's apps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.admin import EventFilter, OperatorAdmin
from accounts.domain import standing, two_owners
from accounts.domain.organizations import approve_organization
from accounts.models import AuditEvent, MemberRole, Membership, OAuthApp, Organization, User
from drops.models import Campaign, Category
from fulfillment.models import SigningKey
from tests import factories
from tests.dashboard import sign_in, with_second_factor, words
from tests.factories import NOW

OURS = [model._meta.label_lower.replace(".", "/") for model in admin.site._registry]


@pytest.fixture
def desk(client: Client, operator: User) -> Iterator[Client]:
    sign_in(client, operator)
    with time_machine.travel(NOW, tick=False):
        yield client


def act(desk: Client, url: str, action: str, *chosen: Any) -> Any:
    """Run a verb from a list, and confirm what it asks."""
    data = {"action": action, "_selected_action": [each.pk for each in chosen]}
    return desk.post(url, data | {"decided": "yes", "reason": "Fraud"}, follow=True)


def test_the_way_in_is_the_sites_own(client: Client, owner: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    client.force_login(owner)
    assert client.get("/admin/", follow=True).status_code == 403


def test_an_operator_comes_in_with_a_second_factor_alone(client: Client, operator: User) -> None:
    client.force_login(operator)
    for url in ("/admin/", "/admin/accounts/organization/"):
        assert client.get(url, follow=True).redirect_chain[-1][0] == "/settings/second-factor/"
    with_second_factor(operator)  # by another session: this one has not passed it
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/2fa/reauthenticate/?next=%2Fadmin%2F"
    sign_in(client, operator)
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_operators_door_leads_nowhere_else(client: Client, operator: User, away: str) -> None:
    sign_in(client, operator)
    assert client.get("/admin/login/", {"next": away}).headers["Location"] == "/admin/"


def test_an_operator_who_was_dismissed_meanwhile_decides_nothing(desk: Client, operator: User) -> None:
    organization = factories.OrganizationFactory(approved_at=None)
    request = RequestFactory().post("/admin/")
    request.user, request.session = operator, desk.session  # type: ignore[assignment]
    User.objects.filter(pk=operator.pk).update(is_staff=False)
    with pytest.raises(PermissionDenied):
        admin.site.get_model_admin(type(organization)).before_write(request)


@pytest.mark.parametrize("label", OURS)
def test_every_page_opens_and_nothing_is_deleted(desk: Client, label: str) -> None:
    assert desk.get(f"/admin/{label}/").status_code == 200
    assert desk.get(f"/admin/{label}/add/").status_code in (200, 403)
    assert desk.get(f"/admin/{label}/1/delete/").status_code == 403


def test_only_pages_of_ours_are_there() -> None:
    """Those that other packages bring would change sign-ins and tokens past the domain."""
    assert {label.partition("/")[0] for label in OURS} == {"accounts", "drops", "fulfillment"}
    assert all(isinstance(model_admin, OperatorAdmin) for model_admin in admin.site._registry.values())


def test_histories_and_recent_actions_show_the_audit_trail(desk: Client, operator: User) -> None:
    waiting, other = factories.OrganizationFactory.create_batch(2, approved_at=None)
    url = "/admin/accounts/organization/"
    assert "None available" in words(desk.get("/admin/"))
    assert "Nothing has been recorded yet." in words(desk.get(f"{url}{waiting.pk}/history/"))
    approve_organization(organization=waiting, now=NOW, actor=operator)
    act(desk, url, "suspend", waiting)

    for page in (words(desk.get(f"{url}{waiting.pk}/history/")), words(desk.get("/admin/"))):
        assert page.index("Organization suspended") < page.index("Organization approved")
    assert "<td>operator</td>" in words(desk.get(f"{url}{waiting.pk}/history/"))
    assert "Organization approved" not in words(desk.get(f"{url}{other.pk}/history/"))
    assert desk.get(f"{url}01M7WD7TG0CE1M5X06MWB1DY07/history/").status_code == 404


@pytest.mark.parametrize("label", OURS)
def test_histories_are_for_operators(client: Client, owner: User, label: str) -> None:
    sign_in(client, owner)
    assert client.get(f"/admin/{label}/1/history/", follow=True).status_code == 403


def test_organizations_are_listed_by_their_state(desk: Client, studio: Organization) -> None:
    waiting = factories.OrganizationFactory(approved_at=None)
    url = "/admin/accounts/organization/"
    assert list(desk.get(url, {"state": "waiting"}).context["cl"].result_list) == [waiting]
    assert "Suspended: Northlight Games." in words(act(desk, url, "suspend", studio))
    assert list(desk.get(url, {"state": "suspended"}).context["cl"].result_list) == [studio]


def test_a_game_is_made_and_given_to_its_organization(desk: Client, studio: Organization) -> None:
    given = {"name": "Skyforge Rally", "slug": "skyforge-rally", "organization": studio.pk}
    desk.post("/admin/drops/category/add/", given)
    category = Category.objects.get()
    assert category.organization == studio
    page = desk.post("/admin/drops/category/add/", given)
    assert "already exists" in words(page)


def test_a_game_in_use_stays_with_its_organization(desk: Client, category: Category) -> None:
    campaign = factories.CampaignFactory(organization=category.organization, category=category)
    url = f"/admin/drops/category/{category.pk}/change/"
    desk.post(url, {"name": "Other", "slug": "other", "organization": ""})
    category.refresh_from_db()
    assert (category.name, category.organization) == ("Other", campaign.organization)
    take = url.replace("/change/", "/take/")
    confirmed = {"decided": "yes", "reason": "The studio sold the game"}
    assert "has not closed yet" in words(desk.post(take, confirmed, follow=True))
    Campaign.objects.filter(pk=campaign.pk).update(withdrawn_at=NOW, closes_at=NOW, ends_at=NOW)
    desk.post(take, confirmed)
    category.refresh_from_db()
    assert category.organization is None
    assert "The studio sold the game" in words(desk.get(url.replace("/change/", "/history/")))


def test_a_campaign_is_withdrawn_and_a_draft_is_not(desk: Client, studio: Organization) -> None:
    live = factories.CampaignFactory(organization=studio)
    draft = factories.CampaignFactory(organization=studio, published_at=None, name="Someday")
    page = words(act(desk, "/admin/drops/campaign/", "withdraw", live, draft))
    assert f"Withdrawn: {live}." in page
    draft.refresh_from_db()
    assert draft.withdrawn_at is None
    assert "Someday: Only a published campaign" in words(
        act(desk, "/admin/drops/campaign/", "withdraw", draft)
    )
    live.refresh_from_db()
    assert live.withdrawn_at == NOW


def test_a_platform_apps_secret_is_on_one_page_and_in_no_message(desk: Client) -> None:
    page = desk.post(
        "/admin/accounts/oauthapp/add/",
        {"name": "The platform", "redirect_uris": "https://platform.example/cb"},
        follow=True,
    )
    app = OAuthApp.objects.get()
    assert app.is_platform
    secret = re.findall(r"Client secret: <code>([^<]+)</code>", page.content.decode())[0]
    assert secret not in words(desk.get("/admin/accounts/oauthapp/"))
    assert "no-cache" in page.headers["Cache-Control"]
    renewed = desk.post(f"/admin/accounts/oauthapp/{app.pk}/new-secret/", {"decided": "yes"})
    assert "Client secret" in words(renewed)
    assert secret not in words(renewed)
    act(desk, "/admin/accounts/oauthapp/", "delete-app", app)
    app.refresh_from_db()
    assert app.deleted_at == NOW


def test_the_apps_of_organizations_are_their_owners(desk: Client, studio: Organization) -> None:
    app = factories.OAuthAppFactory(organization=studio, name="Game server")
    before = app.client_secret
    url = f"/admin/accounts/oauthapp/{app.pk}/change/"
    assert desk.post(url, {"name": "Taken over", "redirect_uris": ""}).status_code == 403
    for verb in ("new-secret", "delete-app"):
        sent = {"decided": "yes", "reason": "Fraud"}
        page = desk.post(url.replace("/change/", f"/{verb}/"), sent, follow=True)
        assert "belongs to an organization" in words(page)
    app.refresh_from_db()
    assert (app.name, app.client_secret, app.deleted_at) == ("Game server", before, None)


def test_private_keys_and_secrets_are_on_no_page(desk: Client, studio: Organization) -> None:
    key = SigningKey.objects.create(
        public_key="-----BEGIN PUBLIC KEY-----",
        private_key=b"zz-private",
        created_at=NOW,
        published_at=NOW,
        active_from=NOW,
    )
    app = factories.OAuthAppFactory(organization=studio)
    page = words(desk.get(f"/admin/fulfillment/signingkey/{key.pk}/change/"))
    assert "BEGIN PUBLIC KEY" in page
    assert "zz-private" not in page
    assert app.client_secret not in words(desk.get(f"/admin/accounts/oauthapp/{app.pk}/change/"))


def test_a_person_is_locked_out_and_let_in(desk: Client, viewer: User, operator: User) -> None:
    url = "/admin/accounts/user/"
    act(desk, url, "lock", viewer)
    viewer.refresh_from_db()
    assert not viewer.is_active
    act(desk, url, "unlock", viewer)
    viewer.refresh_from_db()
    assert viewer.is_active
    assert "your own rights" in words(act(desk, url, "lock", operator))


def test_only_superusers_appoint_operators(viewer: User, operator: User, now: Any) -> None:
    clerk = factories.UserFactory(is_staff=True)
    given = {"user": viewer, "is_staff": True, "reason": "Joins the team", "now": now}
    with pytest.raises(PermissionDenied):
        standing.change_standing(**given, actor=clerk)
    standing.change_standing(**given, actor=operator)
    viewer.refresh_from_db()
    assert viewer.is_staff
    assert viewer.is_active


def test_who_may_appoint_nobody_is_offered_no_appointing(client: Client, viewer: User) -> None:
    clerk = factories.UserFactory(is_staff=True)
    sign_in(client, clerk)
    url = f"/admin/accounts/user/{viewer.pk}"
    page = words(client.get(f"{url}/change/"))
    assert "Lock out" in page
    assert "Make an operator" not in page
    assert client.post(f"{url}/appoint/", {"decided": "yes", "reason": "A friend"}).status_code == 403


def test_whatever_is_recorded_can_be_filtered_for() -> None:
    sources = [file.read_text() for file in settings.BASE_DIR.glob("*/domain/**/*.py")]
    recorded = {name for source in sources for name in re.findall(r'record\(\s*"(\w+)\.', source)}
    assert "claims" in recorded
    assert recorded <= set(EventFilter.objects)


def test_the_audit_trail_is_filtered_without_reading_all_of_it(
    desk: Client, operator: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for action in ("app.created", "user.created", "user.renamed"):
        AuditEvent.objects.create(at=NOW, actor=operator, action=action, target_id=action)

    with django_assert_num_queries(5) as asked:  # session, operator, factors, number of events, events
        page = desk.get("/admin/accounts/auditevent/", {"about": "user"})

    assert {event.action for event in page.context["cl"].result_list} == {"user.created", "user.renamed"}
    assert not [query for query in asked if "DISTINCT" in query["sql"]]


def test_operators_see_who_works_for_whom_in_which_role(
    desk: Client, studio: Organization, member: User
) -> None:
    Membership.objects.filter(user=member).update(role=MemberRole.DEVELOPER)
    assert "Northlight Games (Developer)" in words(desk.get(f"/admin/accounts/user/{member.pk}/change/"))
    assert "Developer" in words(desk.get(f"/admin/accounts/organization/{studio.pk}/change/"))


def test_an_operator_turns_off_the_two_owner_rule_of_an_organization_that_is_stuck(
    desk: Client, studio: Organization, owner: User, second_owner: User
) -> None:
    two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    url = "/admin/accounts/organization/"
    assert "Two-owner rule since" in words(desk.get(f"{url}{studio.pk}/change/"))
    assert f"The two-owner rule was turned off: {studio}." in words(
        act(desk, url, "lift-two-owner-rule", studio)
    )
    studio.refresh_from_db()
    assert studio.two_owners_since is None
    assert "The two-owner rule is off." in words(act(desk, url, "lift-two-owner-rule", studio))

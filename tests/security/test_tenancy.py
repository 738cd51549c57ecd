"""Attacks on the wall between two organizations that the isolation suite does not make."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils.http import urlencode

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain import invitations
from accounts.models import Invitation, MemberRole, Membership, OAuthApp, Organization, User
from drops.models import Campaign, Category, Reward
from fulfillment.models import Attempt, Delivery, WebhookEndpoint
from tests import factories
from tests.api import bearer
from tests.dashboard import form_data, press, send_form, sign_in, words
from tests.factories import NOW

REWARDS = "/dashboard/rewards/"


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def rival_category(rival_studio: Organization) -> Category:
    return factories.CategoryFactory(organization=rival_studio)


@pytest.fixture
def of_both(owner: User, rival_studio: Organization) -> User:
    factories.MembershipFactory(organization=rival_studio, user=owner)
    return owner


def switch(browser: Client, organization: Organization) -> None:
    assert browser.post("/dashboard/switch/", {"organization": organization.slug}).status_code == 302


def new_reward(organization: Organization, name: str) -> dict[str, Any]:
    category = organization.categories.get()
    return {FORM_FIELD: organization.pk, "name": name, "category": category.pk}


def test_a_form_that_names_two_organizations_writes_in_neither(
    of_both: User,
    studio: Organization,
    rival_studio: Organization,
    category: Category,
    rival_category: Category,
) -> None:
    browser = sign_in(Client(), of_both)
    switch(browser, studio)
    fields = [
        (name, value) for name, value in new_reward(rival_studio, "Mixed up").items() if name != FORM_FIELD
    ]
    for twice in ([studio.pk, rival_studio.pk], [rival_studio.pk, studio.pk]):
        body = urlencode([*fields, *((FORM_FIELD, pk) for pk in twice)])
        browser.post(f"{REWARDS}add/", body, content_type="application/x-www-form-urlencoded")
    assert not Reward.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_whoever_switches_while_writing_writes_where_the_form_was_drawn(
    of_both: User,
    studio: Organization,
    rival_studio: Organization,
    category: Category,
    rival_category: Category,
) -> None:
    browser = sign_in(Client(), of_both)
    cookies = dict(browser.cookies)
    start = Barrier(2)

    def another_tab() -> Client:
        tab = Client()
        tab.cookies.update(cookies)
        return tab

    def switching() -> None:
        try:
            tab = another_tab()
            start.wait()
            for number in range(20):
                switch(tab, (studio, rival_studio)[number % 2])
        finally:
            connection.close()

    def writing() -> None:
        try:
            tab = another_tab()
            start.wait()
            for number in range(20):
                organization = (studio, rival_studio)[number % 2]
                name = f"{organization.slug} {number}"
                tab.post(f"{REWARDS}add/", new_reward(organization, name))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(switching), threads.submit(writing)]:
            done.result()
    written = Reward.objects.select_related("organization")
    assert [reward.name for reward in written if reward.organization.slug not in reward.name] == []


@pytest.mark.parametrize("lost", ["removed", "made a member"])
def test_whoever_lost_the_right_posts_an_open_form_in_vain(
    client: Client, owner: User, second_owner: User, studio: Organization, category: Category, lost: str
) -> None:
    sign_in(client, owner)
    reward = factories.RewardFactory(organization=studio, category=category, name="As it was")
    app = factories.OAuthAppFactory(organization=studio)
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    change = f"{REWARDS}{reward.pk}/change/"
    drawn, _ = form_data(client, change)
    add, _ = form_data(client, f"{REWARDS}add/")
    before = app.client_secret
    mine = Membership.objects.filter(user=owner)
    if lost == "removed":
        mine.delete()
    else:
        mine.update(role=MemberRole.MEMBER)

    form = {FORM_FIELD: studio.pk, "post": "yes"}
    posts: list[tuple[str, dict[str, Any]]] = [
        (change, drawn | {"name": "Taken over"}),
        (f"{REWARDS}add/", add | {"name": "Slipped in", "category": category.pk}),
        (f"{REWARDS}{reward.pk}/archive/", form),
        (f"/dashboard/apps/{app.pk}/rotate/", form),
        (f"/dashboard/apps/{app.pk}/delete/", form),
        (f"/dashboard/webhooks/{endpoint.pk}/delete/", form),
        ("/dashboard/invitations/add/", form | {"invited": "stranger", "role": "owner"}),
        ("/dashboard/settings/", form | {"name": "Renamed"}),
    ]
    for url, data in posts:
        answer = client.post(url, data)
        if lost == "removed":
            assert answer.headers["Location"] == "/dashboard/register/", url
        else:
            assert answer.status_code == 403, url
    assert list(Reward.objects.values_list("name", "archived_at")) == [("As it was", None)]
    app.refresh_from_db()
    endpoint.refresh_from_db()
    studio.refresh_from_db()
    assert (app.client_secret, app.deleted_at, endpoint.deleted_at) == (before, None, None)
    assert studio.name == "Northlight Games"
    assert not Invitation.objects.exists()


def test_a_member_does_not_become_an_owner(client: Client, member: User, studio: Organization) -> None:
    sign_in(client, member)
    mine = member.memberships.get()
    for fields in ({"role": "owner"}, {"role": "owner", "user": member.pk}):
        form = {FORM_FIELD: studio.pk} | fields
        assert client.post(f"/dashboard/members/{mine.pk}/change/", form).status_code == 403
    mine.refresh_from_db()
    assert mine.role == MemberRole.MEMBER


@pytest.fixture
def plan(category: Category) -> dict[str, Any]:
    return {
        "name": "Storm season",
        "category_id": category.pk,
        "starts_at": "2026-12-01T00:00:00Z",
        "ends_at": "2026-12-08T00:00:00Z",
    }


def post(app: OAuthApp, path: str, body: dict[str, Any], **headers: str) -> Any:
    client = bearer(app, scope="drops:write")
    return client.post(path, body, content_type="application/json", headers=headers)


CAMPAIGNS = "/public/v1/drops/campaigns"


def test_an_idempotency_key_is_the_apps_own(
    studio_app: OAuthApp, rival_app: OAuthApp, category: Category, rival_category: Category
) -> None:
    key = {"idempotency-key": "deploy-7"}
    body = {"name": "Wings", "external_id": "wings"}
    ours = post(studio_app, "/public/v1/drops/rewards", body | {"category_id": category.pk}, **key)
    theirs = post(rival_app, "/public/v1/drops/rewards", body | {"category_id": rival_category.pk}, **key)
    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in theirs.headers
    same = post(rival_app, "/public/v1/drops/rewards", body | {"category_id": category.pk}, **key)
    assert same.status_code == 422
    assert set(Reward.objects.values_list("organization", flat=True)) == {
        studio_app.organization_id,
        rival_app.organization_id,
    }


@pytest.mark.parametrize("field", ["organization", "organization_id"])
def test_an_organization_that_is_posted_along_is_refused(
    studio_app: OAuthApp, rival_studio: Organization, plan: dict[str, Any], field: str
) -> None:
    refused = post(studio_app, CAMPAIGNS, plan | {field: rival_studio.pk})
    assert refused.status_code in (400, 422)
    assert refused.json()["message"].startswith(f"{field}: Unknown field.")
    tried = post(studio_app, f"{CAMPAIGNS}?dry_run=true", plan | {field: rival_studio.pk}).json()["data"]
    assert [problem["field"] for problem in tried["problems"]] == [field]
    assert not Campaign.objects.exists()


def test_a_dry_run_takes_nothing_of_a_rivals(
    studio_app: OAuthApp, plan: dict[str, Any], rival_category: Category, rival_studio: Organization
) -> None:
    theirs = factories.RewardFactory(organization=rival_studio, category=rival_category, name="Secret wings")
    for change in (
        {"category_id": rival_category.pk},
        {"rewards": [{"reward_id": theirs.pk, "required_minutes": 5}]},
    ):
        answer = post(studio_app, f"{CAMPAIGNS}?dry_run=true", plan | change)
        assert answer.json()["data"]["valid"] is False
        assert "Secret wings" not in answer.content.decode()
    assert not Campaign.objects.exists()


def attempts(browser: Client, organization: Organization) -> list[Any]:
    """What sends something or lets somebody in: an endpoint with its test event, an app, an invitation."""
    form = {FORM_FIELD: organization.pk}
    return [
        browser.post("/dashboard/webhooks/add/", form | {"url": "http://127.0.0.1:9/hook"}),
        browser.post("/dashboard/apps/add/", form | {"name": "Connect", "redirect_uris": ""}),
        browser.post("/dashboard/invitations/add/", form | {"invited": "stranger", "role": "owner"}),
    ]


def test_a_suspended_organization_adds_nothing(
    owner_client: Client, studio: Organization, stranger: User
) -> None:
    Organization.objects.filter(pk=studio.pk).update(suspended_at=NOW)
    assert [answer.status_code for answer in attempts(owner_client, studio)] == [403] * 3
    assert "suspended" in words(owner_client.get("/dashboard/"))
    assert not WebhookEndpoint.objects.exists()
    assert not OAuthApp.objects.exists()
    assert not Invitation.objects.exists()
    assert not Delivery.objects.exists()


def test_an_organization_that_waits_reaches_nobody(
    owner_client: Client, studio: Organization, stranger: User
) -> None:
    Organization.objects.filter(pk=studio.pk).update(approved_at=None)
    *_, invitation = attempts(owner_client, studio)
    assert invitation.status_code == 403
    send_form(owner_client, "/dashboard/webhooks/add/", url="http://127.0.0.1:9999/hook")
    assert not Invitation.objects.exists()
    endpoint = WebhookEndpoint.objects.get()
    press(owner_client, f"/dashboard/webhooks/{endpoint.pk}/test/")
    assert not Attempt.objects.exists()
    assert OAuthApp.objects.get().is_alive is False


def test_who_is_invited_is_bound_to_nothing(
    client: Client, stranger: User, studio: Organization, owner: User
) -> None:
    """Neither a member, nor kept from a studio of their own; the dashboard opens nothing of the inviter's."""
    invitations.invite(organization=studio, invited="stranger", role=MemberRole.OWNER, now=NOW, actor=owner)
    sign_in(client, stranger)
    assert client.get("/dashboard/").headers["Location"] != "/dashboard/"
    assert not stranger.memberships.exists()
    form = {"name": "Strange Games", "requested_categories": "Chess"}
    assert client.post("/dashboard/register/", form).status_code == 302
    assert stranger.memberships.get().organization.name == "Strange Games"
    mine = stranger.memberships.get()
    factories.MembershipFactory(organization=studio, user=stranger, role=MemberRole.MEMBER)
    assert client.post(f"/settings/organizations/{studio.pk}/leave/").status_code == 302
    assert list(stranger.memberships.all()) == [mine]


def test_a_rivals_object_answers_as_one_that_nobody_has(
    owner_client: Client, studio: Organization, rival_studio: Organization
) -> None:
    """Byte for byte, but for the id and what differs from page to page."""
    theirs = factories.RewardFactory(organization=rival_studio, name="Secret wings")
    nobodys = "01K0TDDR08Q5ZNWXK92VRXD7GX"
    for verb in ("change", "archive", "history", "delete"):
        pages = [
            owner_client.get(f"{REWARDS}{pk}/{verb}/").content.decode().replace(pk, "")
            for pk in (theirs.pk, nobodys)
        ]
        assert without_tokens(pages[0]) == without_tokens(pages[1]), verb


def without_tokens(page: str) -> list[str]:
    return [line for line in page.splitlines() if "csrf" not in line]

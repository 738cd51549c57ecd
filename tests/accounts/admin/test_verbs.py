"""What operators do to studios and people asks first, says what follows, and keeps the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.test import Client

from accounts.admin import OperatorAdmin
from accounts.admin.verbs import MOST_AT_ONCE, OperatorVerb
from accounts.domain import factor_resets
from accounts.models import AuditEvent, GameLink, OAuthApp, Organization, User
from drops.models import Campaign, Category, Channel, WatchHour
from fulfillment.domain.delivery.signing import create_signing_key
from fulfillment.models import SigningKey, WebhookEndpoint
from tests import factories
from tests.dashboard import sign_in, with_second_factor, words
from tests.factories import NOW

VERBS = [
    (model_admin, verb)
    for model_admin in admin.site._registry.values()
    if isinstance(model_admin, OperatorAdmin)
    for verb in model_admin.verbs
]
SUSPEND = "/admin/accounts/organization/{}/suspend/"


@pytest.fixture
def desk(client: Client, operator: User) -> Iterator[Client]:
    sign_in(client, operator)
    with time_machine.travel(NOW, tick=False):
        yield client


def row_for(model: type[Any], verb: OperatorVerb) -> Any:
    """A row that lets the verb go ahead."""
    if model is Organization:
        return factories.OrganizationFactory(two_owners_since=NOW)
    if model is User and "factor-reset" in verb.name:
        person = with_second_factor(factories.UserFactory())
        if verb.name != "ask-for-factor-reset":
            asker = factories.UserFactory(is_staff=True)
            factor_resets.ask(user=person, reason="Lost", now=NOW, actor=asker)
        return person
    if model is User:
        return factories.UserFactory(is_active=verb.name != "unlock", is_staff=verb.name == "dismiss")
    if model is OAuthApp:
        return factories.OAuthAppFactory(organization=None, is_platform=True)
    if model is Category:
        return factories.CategoryFactory(organization=factories.OrganizationFactory())
    if model is Channel:
        return factories.ChannelFactory()
    if model is SigningKey:
        return create_signing_key(now=NOW)
    if model is WebhookEndpoint:
        held = {"held_at": NOW, "held_reason": "owner"} if verb.name == "release" else {}
        return factories.WebhookEndpointFactory(**held)
    assert model is Campaign
    return factories.CampaignFactory()


def chosen(verb: OperatorVerb) -> dict[str, Any]:
    """What the page of the verb asks besides."""
    match verb.name:
        case "merge":
            return {"into": factories.CategoryFactory().pk}
        case "rename":
            return {"slug": "another"}
        case "transfer":
            return {"organization": factories.OrganizationFactory().pk}
        case "view-as":
            return {"role": "owner"}
    return {}


def url_of(model_admin: OperatorAdmin, verb: OperatorVerb, row: Any) -> str:
    return f"/admin/{model_admin.opts.app_label}/{model_admin.opts.model_name}/{row.pk}/{verb.name}/"


@pytest.mark.parametrize(("model_admin", "verb"), VERBS, ids=lambda each: str(getattr(each, "name", each)))
def test_each_verb_asks_first_and_keeps_the_reason(
    desk: Client, model_admin: OperatorAdmin, verb: OperatorVerb
) -> None:
    row = row_for(model_admin.model, verb)
    before = AuditEvent.objects.count()
    url = url_of(model_admin, verb, row)
    assert f'href="{url}"' in words(desk.get(url.replace(f"/{verb.name}/", "/change/")))

    assert str(verb.question) in words(desk.get(url))
    if verb.harms:
        assert "This field is required." in words(desk.post(url, {"decided": "yes", "reason": " "}))
    assert AuditEvent.objects.count() == before

    desk.post(url, {"decided": "yes", "reason": "Sold to others", **chosen(verb)})
    event = AuditEvent.objects.latest("at", "id")
    # Of a transfer, both organizations have an event.
    assert AuditEvent.objects.count() == before + (2 if verb.name == "transfer" else 1)
    about = SigningKey.objects.latest("pk") if verb.name == "rotate" else row  # the event is of the new key
    assert event.target_id == str(about.pk)
    assert event.data.get("explanation") == ("Sold to others" if verb.harms else None)


@pytest.mark.parametrize(("model_admin", "verb"), VERBS, ids=lambda each: str(getattr(each, "name", each)))
def test_only_operators_use_verbs(
    client: Client, owner: User, model_admin: OperatorAdmin, verb: OperatorVerb
) -> None:
    sign_in(client, owner)
    row = row_for(model_admin.model, verb)
    before = AuditEvent.objects.count()
    sent = {"decided": "yes", "reason": "Mine"}
    assert client.post(url_of(model_admin, verb, row), sent, follow=True).status_code == 403
    assert AuditEvent.objects.count() == before


def test_no_action_of_a_list_harms_anybody_without_asking() -> None:
    """Verbs ask. Whatever else is an action of a list gives something back."""
    others = {name for model_admin in admin.site._registry.values() for name in model_admin.actions or ()}
    assert others == {"end_suspension"}


def test_a_list_asks_about_all_that_were_chosen(desk: Client) -> None:
    studios = factories.OrganizationFactory.create_batch(2)
    waiting = factories.OrganizationFactory(approved_at=None)
    chosen = {"action": "suspend", "_selected_action": [each.pk for each in (*studios, waiting)]}
    url = "/admin/accounts/organization/"
    asked = words(desk.post(url, chosen))
    for studio in studios:
        assert f'name="_selected_action" value="{studio.pk}"' in asked
    assert f"{waiting}</h2> <p>Stays as it is: It waits for approval." in asked
    assert not Organization.objects.exclude(suspended_at=None).exists()

    desk.post(url, chosen | {"decided": "yes", "reason": "Fraud"})
    assert set(Organization.objects.exclude(suspended_at=None)) == set(studios)


def test_too_many_rows_are_not_decided_on_at_once(desk: Client) -> None:
    viewers = factories.UserFactory.create_batch(MOST_AT_ONCE + 1)
    chosen = {"action": "lock", "_selected_action": [each.pk for each in viewers]}
    page = desk.post("/admin/accounts/user/", chosen | {"decided": "yes", "reason": "Fraud"}, follow=True)
    assert f"Choose at most {MOST_AT_ONCE} rows." in words(page)
    assert not User.objects.filter(is_active=False).exists()


def test_suspending_says_what_viewers_members_and_apps_lose(
    desk: Client, studio: Organization, owner: User, viewer: User
) -> None:
    factories.OAuthAppFactory(organization=studio)
    live = factories.CampaignFactory(organization=studio)
    factories.CampaignFactory(organization=studio, published_at=None)
    channel = factories.ChannelFactory()
    WatchHour.objects.create(campaign=live, channel=channel, hour=NOW, new_viewers=1234)
    page = words(desk.get(SUSPEND.format(studio.pk)))
    assert "1 member can look at everything and change nothing." in page
    assert "The tokens of 1 OAuth app stop working." in page
    assert "1 published campaign disappears." in page
    assert "1234 viewers have watched for them." in page


def test_where_many_are_affected_the_name_is_typed(
    desk: Client, studio: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.verbs.MANY", 2)
    app = factories.OAuthAppFactory(organization=studio)
    GameLink.objects.bulk_create(
        GameLink(viewer=viewer, organization=studio, app=app, linked_at=NOW)
        for viewer in factories.UserFactory.create_batch(2)
    )
    url = SUSPEND.format(studio.pk)
    decided = {"decided": "yes", "reason": "Fraud"}
    assert "Type the name exactly as it is shown." in words(desk.post(url, decided | {"typed_name": "North"}))
    studio.refresh_from_db()
    assert studio.is_active

    other = factories.OrganizationFactory()
    several = {"action": "suspend", "_selected_action": [studio.pk, other.pk]}
    page = desk.post("/admin/accounts/organization/", several | decided, follow=True)
    assert "Choose this row alone." in words(page)

    desk.post(url, decided | {"typed_name": studio.name})
    studio.refresh_from_db()
    assert not studio.is_active


def test_members_read_why_they_were_suspended(
    desk: Client, owner_client: Client, studio: Organization, operator: User
) -> None:
    sign_in(desk, operator)
    desk.post(SUSPEND.format(studio.pk), {"decided": "yes", "reason": "Rewards that nobody got"})
    event = AuditEvent.objects.get(action="organization.suspended")
    assert (event.organization, event.actor) == (studio, operator)
    assert event.data == {"explanation": "Rewards that nobody got"}


def test_locking_says_which_organization_is_left_without_an_owner(
    desk: Client, studio: Organization, owner: User
) -> None:
    page = words(desk.get(f"/admin/accounts/user/{owner.pk}/lock/"))
    assert "Northlight Games then has no owner who can sign in." in page


def test_what_is_no_row_is_not_found(desk: Client) -> None:
    assert desk.get(SUSPEND.format("01M7WD7TG0CE1M5X06MWB1DY07")).status_code == 404

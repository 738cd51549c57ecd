"""No owner sees or changes anything of another organization, on any page there is."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.test import Client, RequestFactory

from accounts.dashboard import site
from accounts.dashboard.kit import access
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain.permissions import Action
from accounts.models import AuditEvent, MemberRole, Membership, OrganizationChange, User, new_ulid
from fulfillment.models import Delivery
from tests import factories
from tests.dashboard import form_data, record, send_form, sign_in
from tests.isolation.pages import addresses
from tests.isolation.world import MARKER, OF_MODEL, Belongings

ADDRESSES = addresses()
WITH_OBJECT = [address for address in ADDRESSES if address.model]
ADMINS = site.admins()


def text_of(response: Any) -> str:
    return response.getvalue().decode()


def everything_of(belongings: Belongings) -> list[Any]:
    """The rows of an organization as they are now, for a comparison."""
    return [
        list(
            admin.model._default_manager.filter(
                **{admin.organization_lookup: belongings.organization}
            ).values()
        )
        for admin in ADMINS
    ]


def test_every_registered_model_has_an_object_to_look_for() -> None:
    assert {admin.model for admin in ADMINS} <= set(OF_MODEL), "Add what is new to tests/isolation/world.py"


def test_only_our_own_pages_are_there() -> None:
    names = {address.name for address in ADDRESSES}
    assert not names & {"login", "password_change", "autocomplete", "view_on_site", "app_list", "jsi18n"}
    models = {admin.opts.label_lower for admin in ADMINS}
    assert {label.split(".")[0] for label in models} <= {"accounts", "drops", "fulfillment"}
    assert "accounts.user" not in models


def test_the_doors_of_the_stock_admin_are_shut() -> None:
    for admin in ADMINS:
        assert not admin.list_editable, admin
        assert not admin.raw_id_fields, admin
        assert not admin.autocomplete_fields, admin
        assert admin.view_on_site is False, admin
        assert admin.actions is None, admin
        assert not {"organization", "endpoint__organization"} & set(admin.fields or ()), admin


def test_no_page_shows_anything_of_the_rival(as_owner: Client, own: Belongings, rival: Belongings) -> None:
    for address in ADDRESSES:
        response = as_owner.get(address.of(own), follow=True)
        assert response.status_code in (200, 403), address
        assert MARKER not in text_of(response), address


def test_the_suite_would_see_a_leak(client: Client, rival: Belongings) -> None:
    """The marker does stand on the rival's own pages, beyond the organization's name in the frame."""
    sign_in(client, rival.owner)
    rival.organization.name, rival.organization.slug = "Renamed", "renamed"
    rival.organization.save()
    for admin in ADMINS:
        page = text_of(client.get(admin.url("change", rival.of(admin.model).pk)))
        assert page.replace(f"Signed in as <strong>{rival.owner}", "").count(MARKER) > 2, admin


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_rivals_objects_are_not_there(
    as_owner: Client, own: Belongings, rival: Belongings, method: str
) -> None:
    before = everything_of(rival)
    form = {FORM_FIELD: own.organization.pk, "post": "yes"}
    send = getattr(as_owner, method)
    for address in WITH_OBJECT:
        nobodys = new_ulid() if isinstance(rival.of(address.model).pk, str) else "987654321"
        response = send(address.of(rival), form)
        assert response.status_code in (403, 404), address
        assert MARKER not in text_of(response), address
        unknown = send("/dashboard/" + address.route.replace("<path:object_id>", nobodys), form)
        assert response.status_code == unknown.status_code, address
    assert everything_of(rival) == before


def _form_urls(own: Belongings) -> list[str]:
    urls = [admin.url("add") for admin in ADMINS if admin.may_add]
    return urls + [admin.url("change", own.of(admin.model).pk) for admin in ADMINS if admin.may_edit]


def test_a_posted_foreign_key_of_the_rival_is_refused(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    tried = 0
    for url in _form_urls(own):
        data, choices = form_data(as_owner, url)
        for name, field in choices.items():
            model: type[Model] = field.queryset.model
            foreign = rival.of(model)
            assert foreign not in field.queryset
            response = as_owner.post(url, data | {name: str(foreign.pk)})
            if field.disabled:  # what is posted for it is not looked at: see below that nothing changed
                continue
            assert response.status_code == 200, (url, name)
            assert response.context["errors"], (url, name)
            assert MARKER not in text_of(response), (url, name)
            tried += 1
    assert tried >= 4
    assert not own.organization.rewards.filter(category=rival.category).exists()
    assert not own.organization.campaigns.filter(category=rival.category).exists()
    assert not own.campaign.campaign_rewards.filter(reward=rival.reward).exists()


def test_an_object_cannot_be_moved_to_another_organization(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    for admin in ADMINS:
        if not admin.may_edit:
            continue
        mine = own.of(admin.model)
        url = admin.url("change", mine.pk)
        data, _ = form_data(as_owner, url)
        foreign = {
            "organization": rival.organization.pk,
            "organization_id": rival.organization.pk,
            "_saveasnew": "1",
        }
        as_owner.post(url, data | foreign)
        mine.refresh_from_db()
        assert admin.organization_id_of(mine) == own.organization.pk
    assert everything_of(rival)[0] is not None


def test_each_object_saves_unchanged_through_its_form(as_owner: Client, own: Belongings) -> None:
    """Nothing of it changes, and no event says that something did."""
    urls = [url for url in _form_urls(own) if url.endswith("/change/")]
    assert urls
    for url in urls:
        events = AuditEvent.objects.count()
        answer = send_form(as_owner, url)
        assert answer.redirect_chain, (url, text_of(answer))
        assert AuditEvent.objects.count() == events, url


def test_look_ups_beyond_the_declared_filters_are_refused(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    for admin in ADMINS:
        declared = {
            entry
            if isinstance(entry, str)
            else getattr(entry, "parameter_name", entry[0] if isinstance(entry, tuple) else "")
            for entry in admin.list_filter
        }
        for field in admin.opts.get_fields():
            if field.name in declared or not getattr(field, "concrete", False):
                continue
            for lookup in (field.name, f"{field.name}__startswith", f"{field.name}__isnull"):
                response = as_owner.get(admin.url("changelist"), {lookup: "a"})
                assert response.status_code == 400, (admin, lookup)
        for name in declared:
            for way in ("organization__name", "claims__viewer__email", "id", "pk", ""):
                lookup = f"{name}__{way}__startswith".replace("____", "__")
                response = as_owner.get(admin.url("changelist"), {lookup: "a"})
                assert response.status_code == 400, (admin, lookup)


def test_filters_and_searches_stay_inside(as_owner: Client, own: Belongings, rival: Belongings) -> None:
    for admin in ADMINS:
        url = admin.url("changelist")
        for entry in admin.list_filter:
            if not isinstance(entry, tuple):
                continue
            foreign = rival.of(admin.opts.get_field(entry[0].split("__")[0]).related_model)
            name = f"{entry[0]}__{foreign._meta.pk.name}__exact"
            target = rival.campaign.pk if entry[0].endswith("campaign") else foreign.pk
            response = as_owner.get(url, {name: target})
            assert response.status_code == 200, (admin, name)
            assert MARKER not in text_of(response)
        for text in (MARKER, str(rival.of(admin.model).pk)):
            response = as_owner.get(url, {"q": text})
            if admin.search_fields:
                assert response.context["cl"].result_count == 0


def test_no_list_breaks_on_what_is_typed_into_its_address(as_owner: Client, own: Belongings) -> None:
    for admin in ADMINS:
        filters = [
            getattr(entry, "parameter_name", None)
            or (f"{entry[0]}__id__exact" if isinstance(entry, tuple) else f"{entry}__exact")
            for entry in admin.list_filter
        ]
        for name in ("q", "p", "o", "e", "all", "_facets", "_popup", "_to_field", *filters):
            for value in ("", "nonsense", "\0", "-1", "9" * 60, "%", "'", "01M7WD7TG0CE1M5X06MWB1DY07"):
                response = as_owner.get(admin.url("changelist"), {name: value}, follow=True)
                assert response.status_code in (200, 400), (admin, name, value)


def test_the_rivals_viewers_look_like_nobody(as_owner: Client, own: Belongings, rival: Belongings) -> None:
    for user_id in (rival.viewer.pk, 987654321):
        page = text_of(as_owner.get("/dashboard/viewers/", {"user_id": user_id}))
        assert "Nothing about this viewer" in page
        assert MARKER not in page
    link = factories.GameLinkFactory(
        viewer=rival.viewer,
        organization=rival.organization,
        game_account_id=f"{MARKER}-id",
        game_account_name=f"{MARKER} name",
    )
    for term in (str(rival.viewer.pk), rival.viewer.username, link.game_account_id, link.game_account_name):
        answer = as_owner.get("/dashboard/viewers/", {"q": term})
        assert answer.context["found"] == []
    # A viewer of both: only what is the own organization's.
    factories.ProgressFactory(viewer=rival.viewer, campaign=own.campaign)
    page = text_of(as_owner.get("/dashboard/viewers/", {"user_id": rival.viewer.pk}))
    assert "own campaign" in page
    assert MARKER not in page


def test_a_to_field_of_somebody_elses_is_refused(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    for admin in ADMINS:
        response = as_owner.get(admin.url("change", rival.organization.pk), {"_to_field": "organization"})
        assert response.status_code in (400, 404)


def test_readers_look_and_change_nothing(client: Client, own: Belongings, reader: User) -> None:
    sign_in(client, reader)
    before = everything_of(own)
    form = {FORM_FIELD: own.organization.pk, "post": "yes", "name": "changed"}
    changing = (
        "_add",
        "_delete",
        "withdraw_change",
        *(f"_{verb.name}" for admin in ADMINS for verb in admin.verbs),
    )
    for address in ADDRESSES:
        assert client.get(address.of(own), follow=True).status_code in (200, 403), address
        response = client.post(address.of(own), form)
        if address.name.endswith(changing):
            assert response.status_code == 403, address
    assert everything_of(own) == before


def test_others_are_sent_to_the_door(client: Client, own: Belongings, stranger: User) -> None:
    for address in ADDRESSES:
        url = address.of(own)
        assert client.get(url).headers["Location"].startswith("/accounts/login/?next=/dashboard/"), address
    client.force_login(stranger)
    _is_sent_to(client, own, "/dashboard/register/")
    factories.MembershipFactory(organization=own.organization, user=stranger)
    _is_sent_to(client, own, "/settings/second-factor/")


def _is_sent_to(client: Client, own: Belongings, door: str) -> None:
    for address in ADDRESSES:
        for response in (client.get(address.of(own)), client.post(address.of(own))):
            assert response.headers["Location"] == door, address


def test_an_operator_is_no_member(client: Client, own: Belongings, operator: User) -> None:
    sign_in(client, operator)
    assert client.get("/dashboard/campaigns/").headers["Location"] == "/dashboard/register/"


def test_a_member_of_two_organizations_acts_for_one_at_a_time(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    factories.MembershipFactory(organization=rival.organization, user=own.owner)
    assert MARKER not in as_owner.get("/dashboard/rewards/").context["cl"].result_list[0].name
    change = f"/dashboard/rewards/{own.reward.pk}/change/"
    add = "/dashboard/rewards/add/"
    drawn, _ = form_data(as_owner, change)
    drawn_add, _ = form_data(as_owner, add)

    as_owner.post("/dashboard/switch/", {"organization": rival.organization.slug})

    assert as_owner.get("/dashboard/rewards/").context["cl"].result_list[0] == rival.reward
    assert as_owner.get(change).status_code == 404
    for url, data in ((change, drawn), (add, drawn_add)):
        response = as_owner.post(url, data | {"name": "Mixed up", "category": rival.category.pk}, follow=True)
        assert "Nothing was changed" in text_of(response)
    own.reward.refresh_from_db()
    assert own.reward.name == "own reward"
    assert rival.organization.rewards.count() == 1


def test_nobody_switches_to_an_organization_of_others(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    response = as_owner.post("/dashboard/switch/", {"organization": rival.organization.slug})
    assert response.status_code == 404
    assert as_owner.get("/dashboard/").context["organization"] == own.organization


@pytest.mark.parametrize("change", ["removed", "made a reader", "signed out elsewhere", "factor taken away"])
def test_a_right_lost_on_the_way_to_the_write_stops_it(
    own: Belongings, as_owner: Client, rf: RequestFactory, change: str
) -> None:
    request = rf.post("/dashboard/")
    request.user, request.session = own.owner, as_owner.session  # type: ignore[assignment]
    action = Action.CHANGE_REWARDS
    assert access.may(request, action)
    match change:
        case "removed":
            own.membership.delete()
        case "made a reader":
            Membership.objects.filter(pk=own.membership.pk).update(role=MemberRole.MEMBER)
        case "signed out elsewhere":
            Session.objects.filter(session_key=as_owner.session.session_key).delete()
        case "factor taken away":
            Authenticator.objects.filter(user=own.owner).delete()
    with pytest.raises(PermissionDenied):
        access.recheck(request, action)


def test_the_rivals_deliveries_are_never_sent_again(
    as_owner: Client, own: Belongings, rival: Belongings
) -> None:
    before = list(Delivery.objects.filter(endpoint=rival.endpoint).values())
    for name in ("resend", "hold", "release"):
        as_owner.post(f"/dashboard/deliveries/{rival.delivery.pk}/{name}/", {FORM_FIELD: own.organization.pk})
        as_owner.post(f"/dashboard/webhooks/{rival.endpoint.pk}/{name}/", {FORM_FIELD: own.organization.pk})
    assert list(Delivery.objects.filter(endpoint=rival.endpoint).values()) == before


def test_what_the_rival_asks_for_is_neither_seen_nor_withdrawn(
    as_owner: Client, client: Client, own: Belongings, rival: Belongings
) -> None:
    settings, withdraw = "/dashboard/settings/", "/dashboard/settings/withdraw/"
    assert "own renamed" in text_of(as_owner.get(settings))
    form = {FORM_FIELD: own.organization.pk, "change": rival.change.pk}
    answer = as_owner.post(withdraw, form, follow=True)
    assert MARKER not in text_of(answer)
    unknown = as_owner.post(withdraw, form | {"change": "987654321"}, follow=True)
    assert "no longer waits" in text_of(answer)
    assert "no longer waits" in text_of(unknown)
    assert set(OrganizationChange.objects.values_list("state", flat=True)) == {"waiting"}

    page = text_of(sign_in(client, rival.owner).get(settings))
    assert f"{MARKER} renamed" in page  # the suite would see it
    assert f"changes/{MARKER}.webp" in page


def test_what_the_rival_said_in_its_application_is_the_rivals_alone(
    as_owner: Client, client: Client, own: Belongings, rival: Belongings
) -> None:
    page = text_of(as_owner.get("/dashboard/application/"))
    assert "own plan" in page
    assert MARKER not in page
    assert f"{MARKER} plan" in text_of(sign_in(client, rival.owner).get("/dashboard/application/"))


def test_the_logo_that_the_rivals_app_waits_for_is_neither_seen_nor_withdrawn(
    as_owner: Client, client: Client, own: Belongings, rival: Belongings
) -> None:
    assert "changes/own-app.webp" in text_of(as_owner.get(f"/dashboard/apps/{own.app.pk}/change/"))
    form = {FORM_FIELD: own.organization.pk, "post": "yes"}
    address = f"/dashboard/apps/{rival.app.pk}/"
    for answer in (as_owner.get(f"{address}change/"), as_owner.post(f"{address}withdraw-logo/", form)):
        assert MARKER not in text_of(answer)
    assert set(OrganizationChange.objects.values_list("state", flat=True)) == {"waiting"}
    page = text_of(sign_in(client, rival.owner).get(f"{address}change/"))
    assert f"changes/{MARKER}-app.webp" in page


def test_a_second_factor_lets_the_owner_in(client: Client, own: Belongings, stranger: User) -> None:
    factories.MembershipFactory(organization=own.organization, user=stranger)
    sign_in(client, stranger)
    assert client.get("/dashboard/").status_code == 200


def test_a_session_that_was_opened_by_a_password_alone_stays_outside(client: Client, own: Belongings) -> None:
    """The owner has a factor; this session never passed it, and may be a stranger's."""
    client.force_login(own.owner)
    record(client, own.owner, method="password")
    for address in ADDRESSES:
        for response in (client.get(address.of(own)), client.post(address.of(own))):
            assert response.headers["Location"].startswith("/accounts/2fa/reauthenticate/?next="), address

"""The way into the dashboard, and the organization's own settings."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain.names import hold
from accounts.domain.organization_changes import refuse_change
from accounts.models import AuditEvent, Organization, OrganizationChange, User
from tests import factories
from tests.dashboard import form_data, send_form, sign_in, words

SETTINGS = "/dashboard/settings/"
FIELDS = {
    "name": "Lantern Works",
    "url": "https://lantern.example",
    "connect_url": "https://lantern.example/connect",
    "contact_email": "hello@lantern.example",
    "requested_categories": "Lantern Run",
}


def test_registering_leads_through_the_second_factor_to_a_dashboard_that_waits(
    client: Client, stranger: User
) -> None:
    client.force_login(stranger)
    assert "Register your studio" in words(client.get("/dashboard/", follow=True))
    page = client.post("/dashboard/register/", FIELDS, follow=True)
    assert page.redirect_chain[-1][0] == "/settings/second-factor/"
    assert "/accounts/2fa/totp/activate/" in words(page)
    sign_in(client, stranger)
    page = words(client.get("/dashboard/"))
    assert "Lantern Works is waiting for approval" in page
    assert "Getting started" in page


def test_a_registration_that_is_wrong_says_what_and_keeps_what_was_typed(
    client: Client, stranger: User
) -> None:
    client.force_login(stranger)
    for field, value in (
        ("name", ""),
        ("url", "lantern"),
        ("connect_url", "javascript:alert(1)"),
        ("contact_email", "hello"),
        ("requested_categories", ""),
    ):
        page = client.post("/dashboard/register/", FIELDS | {field: value})
        assert page.context["form"].errors.keys() == {field}
        assert "lantern.example" in words(page)
    assert not Organization.objects.exists()


def test_a_second_registration_waits_for_the_first(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    client.post("/dashboard/register/", FIELDS)
    page = client.post("/dashboard/register/", FIELDS | {"name": "Another"})
    assert "is waiting for approval" in words(page)
    assert Organization.objects.count() == 1


def test_a_part_of_a_page_is_not_replaced_by_the_page_to_sign_in_on(client: Client, db: None) -> None:
    answer = client.get(SETTINGS, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/accounts/login/?next=/dashboard/settings/"
    assert answer.content == b""


def test_a_new_name_and_logo_wait_for_approval(
    owner_client: Client, studio: Organization, picture: Any
) -> None:
    assert "approves a new name or logo" in words(owner_client.get(SETTINGS))
    page = words(
        send_form(owner_client, SETTINGS, name="Northlight", new_logo=picture, contact_email="ops@n.example")
    )
    assert "The new name or logo waits for approval." in page
    assert "Waiting for approval</h2>" in page
    assert "20 Nov 2026, 12:00 UTC</time></span>" in page
    assert "<dd>Northlight Games</dd>" in page
    assert "<strong>Northlight</strong>" in page
    change = OrganizationChange.objects.get()
    assert change.logo.url in page
    studio.refresh_from_db()
    assert (studio.name, studio.logo.name) == ("Northlight Games", "")
    assert studio.contact_email == "ops@n.example"
    assert change.logo.name.endswith(".webp")

    page = words(send_form(owner_client, SETTINGS, contact_email=""))
    assert "The settings were saved. <" in page.replace("saved.<", "saved. <")
    assert OrganizationChange.objects.get().state == "waiting"


def withdraw(client: Client, change: OrganizationChange | str) -> str:
    form = client.get("/dashboard/").context
    data = {FORM_FIELD: form["organization"].pk, "change": getattr(change, "pk", change)}
    return words(client.post("/dashboard/settings/withdraw/", data, follow=True))


def test_owners_withdraw_the_change_that_they_see(owner_client: Client, studio: Organization) -> None:
    send_form(owner_client, SETTINGS, name="Northlight")
    first = OrganizationChange.objects.get()
    send_form(owner_client, SETTINGS, name="Polar Games")  # in another tab
    for posted in (first, "", "nonsense", "9" * 30):
        assert "no longer waits" in withdraw(owner_client, posted)
    second = OrganizationChange.objects.get(state="waiting")
    page = withdraw(owner_client, second)
    assert "The change was withdrawn." in page
    assert "Waiting for approval" not in page
    second.refresh_from_db()
    assert second.state == "withdrawn"
    assert "no longer waits" in withdraw(owner_client, second)


def test_members_see_what_waits_and_owners_alone_withdraw_it(
    owner_client: Client, member: User, studio: Organization
) -> None:
    send_form(owner_client, SETTINGS, name="Northlight")
    browser = sign_in(Client(), member)
    page = words(browser.get(SETTINGS))
    assert "<strong>Northlight</strong>" in page
    assert "Withdraw</button>" not in page
    withdraw(browser, OrganizationChange.objects.get())
    assert OrganizationChange.objects.get().state == "waiting"


def test_owners_read_why_a_change_was_refused(
    owner_client: Client, studio: Organization, operator: User, now: datetime, picture: Any
) -> None:
    send_form(owner_client, SETTINGS, name="Northlight", new_logo=picture)
    change = OrganizationChange.objects.get()
    refuse_change(change=change, reason="Not <your> game.", now=now, actor=operator)
    page = words(owner_client.get(SETTINGS))
    assert "You asked for the name “Northlight”. You asked for a new logo." in page
    assert "Reason: Not &lt;your&gt; game." in page


def test_a_name_that_looks_like_anothers_is_refused_at_its_field(
    owner_client: Client, client: Client, studio: Organization, rival_studio: Organization, stranger: User
) -> None:
    hold(rival_studio, rival_studio.name)
    page = send_form(owner_client, SETTINGS, name="R1val Works")
    assert "“R1val Works” is taken" in page.context["form"].errors["name"][0]
    browser = Client()
    browser.force_login(stranger)
    page = browser.post("/dashboard/register/", FIELDS | {"name": "RIVAL-WORKS"})
    assert "“RIVAL-WORKS” is taken" in page.context["form"].errors["name"][0]
    page = send_form(owner_client, "/dashboard/apps/add/", name="Rival Works")
    assert "“Rival Works” is taken" in words(page)


def test_settings_that_were_open_in_a_second_tab_undo_nothing(
    owner_client: Client, studio: Organization, picture: Any
) -> None:
    drawn, _ = form_data(owner_client, SETTINGS)
    send_form(owner_client, SETTINGS, connect_url="https://northlight.example/new", new_logo=picture)
    owner_client.post(SETTINGS, drawn | {"contact_email": "ops@northlight.example"})

    studio.refresh_from_db()
    assert studio.connect_url == "https://northlight.example/new"
    assert studio.contact_email == "ops@northlight.example"
    assert OrganizationChange.objects.get().logo
    newest = AuditEvent.objects.filter(action="organization.changed").first()
    assert newest is not None
    assert newest.data == {"contact_email": ["", "ops@northlight.example"]}


def test_a_setting_is_emptied(owner_client: Client, studio: Organization) -> None:
    send_form(owner_client, SETTINGS, contact_email="ops@northlight.example")
    send_form(owner_client, SETTINGS, contact_email="")
    studio.refresh_from_db()
    assert studio.contact_email == ""


def test_settings_save_unchanged_without_an_event(owner_client: Client, studio: Organization) -> None:
    assert "The settings were saved" in words(send_form(owner_client, SETTINGS))
    assert not AuditEvent.objects.filter(action="organization.changed").exists()


def test_a_logo_that_is_no_picture_is_refused_in_words(owner_client: Client, studio: Organization) -> None:
    upload = SimpleUploadedFile("logo.png", b"not a picture")
    page = send_form(owner_client, SETTINGS, name="Renamed", new_logo=upload)
    assert page.status_code == 200
    assert "PNG, JPEG, WebP or GIF" in words(page)
    studio.refresh_from_db()
    assert studio.name == "Northlight Games"


def picture_of(*size: int) -> SimpleUploadedFile:
    file = BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return SimpleUploadedFile("logo.png", file.getvalue(), "image/png")


def test_what_is_wrong_with_a_logo_is_said_with_all_else_that_is_wrong(
    owner_client: Client, studio: Organization
) -> None:
    for size in ((100, 100), (800, 200)):
        page = send_form(owner_client, "/dashboard/settings/", name="", new_logo=picture_of(*size))
        assert page.context["form"].errors.keys() == {"name", "new_logo"}
        assert f"The picture is {size[0]} by {size[1]} pixels." in words(page)


def test_a_file_has_to_be_chosen_again_if_the_form_was_not_saved(owner_client: Client) -> None:
    page = send_form(owner_client, "/dashboard/settings/", name="", new_logo=picture_of(256, 256))
    assert "Choose the file again." in words(page)
    assert "Choose the file again." not in words(owner_client.get("/dashboard/settings/"))
    assert "Choose the file again." not in words(send_form(owner_client, "/dashboard/settings/", name=""))


def test_a_suspended_organization_is_told(owner_client: Client, studio: Organization, now: Any) -> None:
    studio.suspended_at = now
    studio.save()
    assert "is suspended" in words(owner_client.get("/dashboard/"))


def test_the_switcher_changes_the_organization(
    owner_client: Client, owner: User, rival_studio: Organization
) -> None:
    factories.MembershipFactory(organization=rival_studio, user=owner)
    assert "Northlight Games" in words(owner_client.get("/dashboard/"))
    page = owner_client.post("/dashboard/switch/", {"organization": "rival-works"}, follow=True)
    assert page.context["organization"] == rival_studio


@pytest.mark.parametrize("slug", ["", "rival-works", "a\0b", "\ud800", "x" * 10_000])
def test_the_switcher_knows_only_the_persons_own(owner_client: Client, rival_studio: Any, slug: str) -> None:
    body = urlencode({"organization": slug}, errors="surrogatepass")
    form = "application/x-www-form-urlencoded"
    assert owner_client.post("/dashboard/switch/", body, content_type=form).status_code == 404


def test_pages_keep_the_policy(owner_client: Client) -> None:
    """Nothing inline: the content security policy would drop it."""
    for url in ("/dashboard/", "/dashboard/campaigns/add/", "/dashboard/rewards/", SETTINGS):
        page = owner_client.get(url)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert " style=" not in words(page)
        assert "<style" not in words(page)
        assert " onclick=" not in words(page)
        assert words(page).count("<script") == words(page).count("<script src=")


def test_a_member_is_told_that_owners_change(client: Client, member: User) -> None:
    sign_in(client, member)
    mine = member.memberships.get()
    for url in ("/dashboard/members/add/", f"/dashboard/members/{mine.pk}/delete/"):
        page = client.get(url)
        assert page.status_code == 403
        assert "Your role does not allow this." in words(page)
        assert 'class="button" href="/dashboard/"' in words(page)
        assert "/dashboard/members/" in words(page)
        assert "somebody else" not in words(page)
        assert "to add you" not in words(page)


def test_an_owner_is_told_what_nobody_changes(owner_client: Client, studio: Organization) -> None:
    page = owner_client.get("/dashboard/audit-log/add/")
    assert page.status_code == 403
    assert "Nobody can change some records" in words(page)


def test_what_is_not_in_the_dashboard_leads_back_to_it(owner_client: Client) -> None:
    for url in ("/dashboard/nothing/", "/dashboard/rewards/nothing/change/"):
        page = words(owner_client.get(url))
        assert "not in your dashboard" in page
        assert 'class="button" href="/dashboard/"' in page
        assert "campaign that closed" not in page
    assert "See active campaigns" in words(owner_client.get("/nothing/"))


def test_unknown_pages_are_not_found(owner_client: Client) -> None:
    assert owner_client.get("/dashboard/nothing/").status_code == 404
    assert owner_client.get("/dashboard/rewards/nothing/change/").status_code == 404
    assert owner_client.get("/dashboard/members/99999999999999999999999/change/").status_code == 404

"""Signing up and in, mail, passwords and the second factor: the way a person walks through them."""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests import factories
from tests.config.test_pages import refused
from tests.dashboard import record

PASSWORD = "nine-lanterns-lit"


@pytest.fixture(autouse=True)
def no_rate_limit_from_the_test_before() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture
def person(viewer: User) -> User:
    """The viewer, with a password and a confirmed address."""
    viewer.set_password(PASSWORD)
    viewer.email = "viewer@example.com"
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    return viewer


@pytest.fixture
def signed_in(client: Client, person: User) -> Client:
    sign_in(client)
    return client


def sign_in(client: Client) -> HttpResponse:
    return client.post("/accounts/login/", {"login": "viewer", "password": PASSWORD}, follow=True)


def confirm_password(client: Client, go_on_to: str) -> HttpResponse:
    """Changes of the second factor ask for the password once more."""
    return client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": go_on_to}, follow=True)


def page(response: HttpResponse, status: int = 200) -> str:
    """The page's HTML, once it is sure that it is one of ours."""
    html = response.content.decode()
    assert response.status_code == status
    assert "css/drops.css" in html
    assert html.count("<h1") == 1
    assert refused(html) == []
    return html


def link_in_last_mail() -> str:
    found = re.search(r"http://\S+", mail.outbox[-1].body)
    assert found
    return found[0]


def totp_code(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), int(time.time() // 30).to_bytes(8), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def test_signing_up_ends_signed_in_through_the_link_in_the_mail(client: Client, db: None):
    page(client.get("/accounts/signup/"))
    answer = client.post(
        "/accounts/signup/",
        {"email": "nia@example.com", "username": "nia", "password1": PASSWORD},
        follow=True,
    )
    assert "Check your email" in page(answer)

    message = mail.outbox[-1]
    assert message.subject == "Confirm your email address"
    assert message.body.startswith("Hello nia,")
    assert "example.com" not in message.body.replace("nia@example.com", "")

    confirm = link_in_last_mail()
    assert "Is this your address?" in page(client.get(confirm))
    landed = client.post(confirm, follow=True)
    assert "Sign out" in page(landed)
    assert "nia@example.com is confirmed." in page(landed)


def test_signing_up_says_what_is_wrong_beside_the_field(client: Client, db: None):
    html = page(client.post("/accounts/signup/", {"email": "nia", "username": "n", "password1": "123"}))
    assert html.count('class="errorlist') >= 3
    assert 'aria-invalid="true"' in html


def test_a_used_up_confirmation_link_says_so(client: Client, person: User):
    assert "This link has expired" in page(client.get("/accounts/confirm-email/not-a-key/"))
    address = EmailAddress.objects.get()
    used = f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"
    told = page(client.get(used))
    assert "viewer@example.com was confirmed before." in told
    assert "expired" not in told
    address.delete()
    assert "This link has expired" in page(client.get(used))


def test_the_email_page_offers_what_is_possible_with_each_address(signed_in: Client, person: User):
    def offered() -> list[tuple[str, str]]:
        html = page(signed_in.get("/accounts/email/"))
        forms = [form for form in html.split("<form")[1:] if 'name="email" value=' in form]
        return [
            (email, action)
            for form in forms
            for email in re.findall(r'name="email" value="([^"]+)"', form)
            for action in re.findall(r'name="(action_\w+)"', form)
        ]

    assert offered() == []
    second = EmailAddress.objects.create(user=person, email="second@example.com", verified=False)
    assert offered() == [("second@example.com", "action_send"), ("second@example.com", "action_remove")]
    second.verified = True
    second.save()
    assert offered() == [("second@example.com", "action_primary"), ("second@example.com", "action_remove")]


def test_sign_in_refuses_and_accepts(client: Client, person: User):
    page(client.get("/accounts/login/"))
    html = page(client.post("/accounts/login/", {"login": "viewer", "password": "wrong"}))
    assert "errorlist nonfield" in html
    assert "Signed in as viewer." in page(sign_in(client))
    assert "Sign out?" in page(client.get("/accounts/logout/"))
    assert "Signed out." in page(client.post("/accounts/logout/", follow=True))


def test_a_forgotten_password_is_replaced_through_the_mail(client: Client, person: User):
    page(client.get("/accounts/password/reset/"))
    asked = client.post("/accounts/password/reset/", {"email": person.email}, follow=True)
    assert "Check your email" in page(asked)
    assert mail.outbox[-1].subject == "Choose a new password"

    form = client.get(link_in_last_mail(), follow=True)
    assert "Choose a new password" in page(form)
    address = form.redirect_chain[-1][0]
    done = client.post(
        address, {"password1": "eight-lanterns-lit", "password2": "eight-lanterns-lit"}, follow=True
    )
    assert "Password changed" in page(done)
    assert mail.outbox[-1].subject == "Your password was changed"
    person.refresh_from_db()
    assert person.check_password("eight-lanterns-lit")

    assert "This link has expired" in page(Client().get("/accounts/password/reset/key/1-nonsense/"))


def test_mail_for_an_unknown_address_tells_its_owner_and_nobody_else(client: Client, db: None):
    asked = client.post("/accounts/password/reset/", {"email": "nobody@example.com"}, follow=True)
    assert "Check your email" in page(asked)
    assert mail.outbox[-1].subject == "No account with this address"


@pytest.mark.django_db(transaction=True)  # what follows the commit is part of what is tried
def test_second_factor_on_used_and_off(signed_in: Client, person: User):
    client = signed_in
    assert "Turn on" in page(client.get("/accounts/2fa/"))
    assert "Confirm that it is you" in page(client.get("/accounts/2fa/totp/activate/", follow=True))
    setup = confirm_password(client, "/accounts/2fa/totp/activate/")
    assert 'inputmode="numeric"' in page(setup)
    secret = re.search(r'<code id="totp-secret">(\w+)</code>', page(setup))
    assert secret
    wrong = client.post("/accounts/2fa/totp/activate/", {"code": "abc"})
    assert 'class="errorlist' in page(wrong)
    activated = client.post("/accounts/2fa/totp/activate/", {"code": totp_code(secret[1])}, follow=True)
    assert "Two-factor authentication is on." in page(activated)
    assert "10 of 10 left" in page(client.get("/accounts/2fa/recovery-codes/"))
    codes = client.get("/accounts/2fa/recovery-codes/download/").content.decode().split()
    assert len(codes) == 10

    client.post("/accounts/logout/")
    asked = page(sign_in(client))
    assert "Enter your code" in asked
    assert re.search(r'<input [^>]*name="code"[^>]* inputmode="numeric" autofocus', asked)
    assert "Sign out" in page(client.post("/accounts/2fa/authenticate/", {"code": codes[0]}, follow=True))
    assert "9 left" in page(client.get("/accounts/2fa/"))

    confirm_password(client, "/accounts/2fa/recovery-codes/generate/")
    page(client.get("/accounts/2fa/recovery-codes/generate/"))
    page(client.get("/accounts/2fa/totp/deactivate/"))
    off = client.post("/accounts/2fa/totp/deactivate/", follow=True)
    assert "Two-factor authentication is off." in page(off)
    assert mail.outbox[-1].subject == "Two-factor authentication is off"


def test_addresses_are_added_made_primary_and_removed(signed_in: Client, person: User):
    client = signed_in
    confirm_password(client, "/accounts/email/")
    added = client.post("/accounts/email/", {"action_add": "", "email": "second@example.com"}, follow=True)
    html = page(added)
    assert "Not confirmed" in html
    assert "We have sent a confirmation link to second@example.com." in html
    client.post(link_in_last_mail())
    primary = client.post(
        "/accounts/email/", {"action_primary": "", "email": "second@example.com"}, follow=True
    )
    assert "Your primary address was changed." in page(primary)
    removed = client.post(
        "/accounts/email/", {"action_remove": "", "email": "viewer@example.com"}, follow=True
    )
    assert "viewer@example.com was removed." in page(removed)


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("/accounts/email/", {"action_add": "", "email": "thief@example.com"}),
        ("/accounts/email/", {"action_primary": "", "email": "viewer@example.com"}),
        ("/accounts/email/", {"action_remove": "", "email": "viewer@example.com"}),
        ("/accounts/2fa/totp/activate/", {"code": "123456"}),
        ("/accounts/2fa/recovery-codes/generate/", {}),
    ],
)
def test_a_borrowed_session_changes_no_way_to_sign_in(
    signed_in: Client, person: User, url: str, data: dict[str, str]
):
    answer = signed_in.post(url, data)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert list(EmailAddress.objects.values_list("email", "primary")) == [("viewer@example.com", True)]


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("/accounts/email/", {"action_add": "", "email": "thief@example.com"}),
        ("/accounts/password/set/", {"password1": "a long new secret", "password2": "a long new secret"}),
    ],
)
def test_who_signs_in_through_the_platform_alone_goes_there_once_more(
    client: Client, viewer: User, url: str, data: dict[str, str]
):
    """There is no password to ask for, so the sign-in itself has to be fresh."""
    viewer.set_unusable_password()
    viewer.save()
    SocialAccount.objects.create(user=viewer, provider="platform", uid="1")
    client.force_login(viewer)
    record(client, viewer, method="socialaccount", at=time.time() - 3600)
    answer = client.post(url, data)
    assert answer.headers["Location"].startswith("/accounts/oidc/platform/login/?next=%2Faccounts%2F")
    viewer.refresh_from_db()
    assert not viewer.has_usable_password()
    assert not EmailAddress.objects.filter(email="thief@example.com").exists()

    record(client, viewer, method="socialaccount")
    client.post(url, data)
    viewer.refresh_from_db()
    assert viewer.has_usable_password() or EmailAddress.objects.filter(email="thief@example.com").exists()


@pytest.mark.django_db(transaction=True)  # what follows the commit is part of what is tried
def test_switching_a_factor_on_ends_the_other_sessions_and_opens_the_dashboard(
    signed_in: Client, person: User
):
    factories.MembershipFactory(user=person)
    elsewhere = Client()
    sign_in(elsewhere)
    assert elsewhere.get("/settings/").status_code == 200
    setup = confirm_password(signed_in, "/accounts/2fa/totp/activate/")
    secret = re.search(r'<code id="totp-secret">(\w+)</code>', page(setup))
    assert secret
    signed_in.post("/accounts/2fa/totp/activate/", {"code": totp_code(secret[1])})
    assert elsewhere.get("/settings/").headers["Location"].startswith("/accounts/login/")
    assert signed_in.get("/dashboard/").status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "account_change_password",
        "account_email",
        "mfa_index",
        "socialaccount_connections",
        "account_reauthenticate",
    ],
)
def test_pages_of_a_signed_in_person_are_ours(signed_in: Client, name: str):
    html = page(signed_in.get(reverse(name)))
    assert "Sign out" in html


@pytest.mark.parametrize(
    "name",
    [
        "account_email_verification_sent",
        "account_inactive",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "socialaccount_login_cancelled",
    ],
)
def test_pages_that_need_nobody_are_ours(client: Client, db: None, name: str):
    page(client.get(reverse(name)))


def test_a_failed_sign_in_elsewhere_says_what_to_do(client: Client, db: None):
    assert "Sign-in failed" in page(client.get("/accounts/3rdparty/login/error/"), status=401)


@pytest.mark.parametrize("made_up", ["", "198.51.100.9, "])
def test_behind_a_proxy_each_visitor_has_a_sign_in_limit_of_its_own(
    client: Client, person: User, settings: Settings, made_up: str
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    guesser = {"headers": {"x-forwarded-for": f"{made_up}203.0.113.1"}}
    for n in range(11):
        client.post("/accounts/login/", {"login": f"somebody{n}", "password": "wrong"}, **guesser)

    right = {"login": "viewer", "password": PASSWORD}
    client.post("/accounts/login/", right, headers={"x-forwarded-for": "203.0.113.1"})
    assert "_auth_user_id" not in client.session
    client.post("/accounts/login/", right, headers={"x-forwarded-for": "203.0.113.2"})
    assert "_auth_user_id" in client.session


def try_to_sign_in(client: Client, login: str, password: str, *, address: str) -> HttpResponse:
    return client.post("/accounts/login/", {"login": login, "password": password}, REMOTE_ADDR=address)


@pytest.mark.parametrize("login", ["viewer", "viewer@example.com"])
def test_wrong_passwords_from_elsewhere_keep_nobody_out(client: Client, person: User, login: str):
    for _ in range(7):
        refused_there = try_to_sign_in(Client(), login, "wrong", address="203.0.113.1")
    assert "Too many failed sign-ins. Try again in 5 minutes, or choose a new password." in page(
        refused_there
    )

    try_to_sign_in(client, login, PASSWORD, address="203.0.113.2")
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize("login", ["viewer", "VIEWER", "viewer@example.com"])
def test_wrong_passwords_from_many_addresses_are_limited_for_the_account(
    client: Client, person: User, settings: Settings, login: str
):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login_failed_anywhere": "3/h/key"}
    for n in range(3):
        try_to_sign_in(Client(), login, "wrong", address=f"203.0.113.{n}")

    refused_here = try_to_sign_in(client, login, PASSWORD, address="203.0.113.99")
    assert "Try again in 60 minutes, or choose a new password." in page(refused_here)
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("login", ["viewer", "viewer@example.com", "second@example.com"])
def test_a_new_password_opens_the_door_at_once(client: Client, person: User, settings: Settings, login: str):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login_failed_anywhere": "4/h/key"}
    EmailAddress.objects.create(user=person, email="second@example.com", verified=True)
    for address in ("203.0.113.1", "203.0.113.2"):
        for _ in range(5):
            try_to_sign_in(Client(), login, "wrong", address=address)

    client.post("/accounts/password/reset/", {"email": person.email}, follow=True)
    chosen = "eight-lanterns-lit"
    form = client.get(link_in_last_mail(), follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": chosen, "password2": chosen}, follow=True)

    for address in ("203.0.113.1", "203.0.113.3"):
        browser = Client()
        try_to_sign_in(browser, login, chosen, address=address)
        assert "_auth_user_id" in browser.session


def test_a_right_password_counts_for_nothing(client: Client, person: User, settings: Settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"login_failed_anywhere": "3/h/key"}
    for _ in range(9):
        browser = Client()
        try_to_sign_in(browser, "viewer", PASSWORD, address="203.0.113.1")
        assert "_auth_user_id" in browser.session


def test_who_comes_by_fewer_proxies_than_there_are_can_sign_in(
    client: Client, person: User, settings: Settings
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    right = {"login": "viewer", "password": PASSWORD}
    client.post("/accounts/login/", right, headers={"x-forwarded-for": "203.0.113.1"})
    assert "_auth_user_id" in client.session

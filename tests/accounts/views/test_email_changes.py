"""Somebody takes an account over, and its owner takes it back by the link in the mail to the old address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client

from accounts.domain import users
from accounts.models import AuditEvent, EmailChange, User
from accounts.tasks import clear_tokens
from tests import factories
from tests.factories import NOW
from tests.html import assert_well_made, text_of

PASSWORD = "nine-lanterns-lit"
OLD, NEW = "viewer@example.com", "thief@example.com"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def person(viewer: User) -> User:
    viewer.set_password(PASSWORD)
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=OLD, verified=True, primary=True)
    return viewer


@pytest.fixture
def thief(person: User) -> Client:
    """Whoever has the person's password, and has just been asked for it."""
    browser = Client()
    sign_in(browser)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


def sign_in(browser: Client, password: str = PASSWORD) -> bool:
    browser.post("/accounts/login/", {"login": "viewer", "password": password})
    return "_auth_user_id" in browser.session


def act(browser: Client, action: str, email: str) -> HttpResponse:
    return browser.post("/accounts/email/", {f"action_{action}": "", "email": email}, follow=True)


def give(browser: Client, email: str) -> None:
    """Another address for the account, confirmed."""
    act(browser, "add", email)
    browser.post(links(mail.outbox[-1])[0])


def take_over(browser: Client, new: str = NEW) -> None:
    give(browser, new)
    act(browser, "primary", new)


def links(message: EmailMessage) -> list[str]:
    return re.findall(r"http://\S+/accounts/\S+", message.body)


def mails_to(address: str) -> list[EmailMessage]:
    return [message for message in mail.outbox if message.to == [address]]


def undo_link(address: str = OLD) -> str:
    found = [link for message in mails_to(address) for link in links(message) if "/email/undo/" in link]
    return found[-1]


def addresses(person: User) -> list[tuple[str, bool, bool]]:
    rows = EmailAddress.objects.filter(user=person).order_by("pk")
    return list(rows.values_list("email", "verified", "primary"))


def test_the_old_address_undoes_it(thief: Client, person: User) -> None:
    take_over(thief)
    act(thief, "remove", OLD)
    assert "undo it before 27 November 2026, 12:00 UTC" in mails_to(OLD)[-1].body
    assert addresses(person) == [(NEW, True, True)]
    browser = Client()

    asked = browser.get(undo_link())
    assert f"{OLD} becomes the address of the account viewer again" in text_of(asked)
    assert asked.headers["Cache-Control"] == "no-store"
    assert_well_made(asked)
    assert addresses(person) == [(NEW, True, True)]

    done = browser.post(undo_link(), follow=True)
    assert f"{OLD} is the address of your account again." in text_of(done)
    assert "We have sent you a link to choose a new password." in text_of(done)
    assert addresses(person) == [(OLD, True, True)]
    person.refresh_from_db()
    assert person.email == OLD
    assert thief.get("/settings/").status_code == 302
    assert not sign_in(Client())
    assert AuditEvent.objects.filter(action="user.email_restored", actor=person).count() == 1
    assert mails_to(NEW)[-1].subject == "Your email address was changed back"
    assert OLD in mails_to(NEW)[-1].body

    form = browser.get(links(mails_to(OLD)[-1])[0], follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": "eight-lanterns-lit", "password2": "eight-lanterns-lit"})
    assert sign_in(Client(), "eight-lanterns-lit")


def test_the_link_works_once(thief: Client, person: User) -> None:
    take_over(thief)
    Client().post(undo_link())
    sent = len(mail.outbox)
    for answer in (Client().get(undo_link()), Client().post(undo_link())):
        assert answer.status_code == 404
        assert "This link has expired" in text_of(answer)
        assert_well_made(answer)
    assert len(mail.outbox) == sent


def test_the_link_works_for_a_week(thief: Client, person: User, clock: time_machine.Coordinates) -> None:
    take_over(thief)
    clock.shift(timedelta(days=7) - timedelta(seconds=1))
    assert Client().get(undo_link()).status_code == 200
    clock.shift(timedelta(seconds=1))
    assert Client().post(undo_link()).status_code == 404
    assert addresses(person) == [(OLD, True, False), (NEW, True, True)]
    clear_tokens()
    assert not EmailChange.objects.exists()


@pytest.mark.parametrize(
    "made_up",
    ["1", "{id}", "{id}.", "{key}x", "9{key}", "{id}:{signature}", "{id}." + "A" * 43, "%00", "x" * 4000],
)
def test_a_made_up_link_undoes_nothing(thief: Client, person: User, made_up: str) -> None:
    take_over(thief)
    way, key = undo_link().rstrip("/").rsplit("/", 1)
    number, signature = key.split(".")
    forged = made_up.format(id=number, key=key, signature=signature)
    assert Client().post(f"{way}/{forged}/").status_code == 404
    assert EmailChange.objects.count() == 1


def test_other_sites_press_no_button(thief: Client, person: User) -> None:
    take_over(thief)
    assert Client(enforce_csrf_checks=True).post(undo_link()).status_code == 403
    assert EmailChange.objects.count() == 1


def test_an_address_that_another_account_has_by_now_stays_there(thief: Client, person: User) -> None:
    take_over(thief)
    act(thief, "remove", OLD)
    other = factories.UserFactory(email=OLD)
    EmailAddress.objects.create(user=other, email=OLD, verified=True, primary=True)
    refused = Client().post(undo_link())
    assert refused.status_code == 409
    assert f"{OLD} belongs to another account by now. Nothing was changed." in text_of(refused)
    assert_well_made(refused)
    assert addresses(person) == [(NEW, True, True)]
    assert thief.get("/settings/").status_code == 200


def test_an_address_that_the_platform_gave_to_another_account_stays_there(
    thief: Client, person: User
) -> None:
    take_over(thief)
    act(thief, "remove", OLD)
    factories.UserFactory(email=OLD.upper())
    assert Client().post(undo_link()).status_code == 409


def test_a_sign_up_that_nobody_confirmed_holds_up_nobody(thief: Client, person: User) -> None:
    """Else the thief would sign up with the old address, and it could not come back."""
    take_over(thief)
    act(thief, "remove", OLD)
    Client().post("/accounts/signup/", {"email": OLD, "username": "squatter", "password1": PASSWORD})
    squatter = User.objects.get(username="squatter")
    assert Client().post(undo_link()).status_code == 302
    assert addresses(person) == [(OLD, True, True)]
    squatter.refresh_from_db()
    assert (squatter.email, addresses(squatter)) == ("", [])


def test_what_was_added_since_goes_and_what_was_there_stays(
    thief: Client, person: User, clock: time_machine.Coordinates
) -> None:
    SocialAccount.objects.create(user=person, provider="platform", uid="1")
    clock.shift(1)
    take_over(thief)
    Authenticator.objects.create(user=person, type="totp", data={}, created_at=NOW)
    clock.shift(1)
    Authenticator.objects.create(user=person, type="recovery_codes", data={})
    SocialAccount.objects.create(user=person, provider="platform", uid="2")
    EmailAddress.objects.create(user=person, email="third@example.com", verified=True)

    Client().post(undo_link())

    assert list(Authenticator.objects.values_list("type", flat=True)) == ["totp"]
    assert list(SocialAccount.objects.values_list("uid", flat=True)) == ["1"]
    assert addresses(person) == [(OLD, True, True)]


def test_the_last_address_comes_back_too(thief: Client, person: User) -> None:
    act(thief, "remove", OLD)
    assert addresses(person) == []
    assert mails_to(OLD)[-1].subject == "An email address was removed"
    Client().post(undo_link())
    assert addresses(person) == [(OLD, True, True)]


def test_an_address_in_between_has_not_the_last_word(thief: Client, person: User) -> None:
    """From the owner's to one of the thief's and on to another: the thief, too, gets a link."""
    take_over(thief)
    take_over(thief, "third@example.com")
    assert Client().get(undo_link(NEW)).status_code == 200
    Client().post(undo_link())
    assert addresses(person) == [(OLD, True, True)]
    assert Client().post(undo_link(NEW)).status_code == 404


def test_the_owner_has_the_last_word_after_the_thief_undid_the_thiefs_own_change(
    thief: Client, person: User
) -> None:
    take_over(thief)
    take_over(thief, "third@example.com")
    Client().post(undo_link(NEW))
    assert addresses(person) == [(NEW, True, True)]
    Client().post(undo_link())
    assert addresses(person) == [(OLD, True, True)]


def test_who_goes_back_by_hand_leaves_no_link_to_who_was_in_between(thief: Client, person: User) -> None:
    take_over(thief)
    act(thief, "primary", OLD)
    assert not [link for message in mails_to(NEW) for link in links(message) if "/email/undo/" in link]
    assert not EmailChange.objects.exists()


def test_a_second_address_that_is_removed_is_told_and_undoes_nothing(thief: Client, person: User) -> None:
    """An owner removes a thief's address: nothing of the thief's comes back."""
    give(thief, NEW)
    act(thief, "remove", NEW)
    assert mails_to(NEW)[-1].subject == "An email address was removed"
    assert "/email/undo/" not in mails_to(NEW)[-1].body
    assert not EmailChange.objects.exists()


def test_an_address_that_nobody_confirmed_undoes_nothing(thief: Client, person: User) -> None:
    give(thief, NEW)
    EmailAddress.objects.filter(email=OLD).update(verified=False)
    act(thief, "primary", NEW)
    assert not EmailChange.objects.exists()


def test_an_account_that_is_gone_does_not_come_back(thief: Client, person: User) -> None:
    take_over(thief)
    link = undo_link()
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert Client().post(link).status_code == 404
    User.objects.filter(pk=person.pk).update(is_active=True)
    users.delete_account(user=User.objects.get(pk=person.pk), now=NOW)
    assert Client().post(link).status_code == 404
    assert not EmailChange.objects.exists()


def test_the_persons_own_browser_is_signed_out_as_well(thief: Client, person: User) -> None:
    take_over(thief)
    assert thief.post(undo_link()).status_code == 302
    assert "_auth_user_id" not in thief.session


def test_somebody_elses_browser_stays_signed_in(thief: Client, person: User, stranger: User) -> None:
    take_over(thief)
    browser = Client()
    browser.force_login(stranger)
    assert browser.post(undo_link()).status_code == 302
    assert browser.get("/settings/").status_code == 200

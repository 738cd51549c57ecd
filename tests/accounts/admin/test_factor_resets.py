"""A second factor is taken away by two operators, and the person is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.domain import factor_resets
from accounts.domain.users import delete_account
from accounts.models import AuditEvent, FactorReset, Notice, User
from accounts.tasks import send_notices
from tests import factories
from tests.dashboard import sign_in, with_second_factor, words
from tests.factories import NOW

ASK, AGREE, REFUSE = "ask-for-factor-reset", "agree-to-factor-reset", "refuse-factor-reset"


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def second(db: None) -> User:
    return factories.UserFactory(username="second_operator", is_staff=True)


@pytest.fixture
def person(viewer: User) -> User:
    return with_second_factor(viewer)


def signed_in(person: User) -> Client:
    """A browser whose session allauth knows of, as after a sign-in on the page."""
    browser = sign_in(Client(), person)
    key = browser.session.session_key
    UserSession.objects.create(user=person, session_key=key, ip="127.0.0.1", user_agent="", data={})
    return browser


def act(who: User, verb: str, person: User, reason: str = "Lost the phone") -> str:
    desk = sign_in(Client(), who)
    sent = {"decided": "yes", "reason": reason}
    return words(desk.post(f"/admin/accounts/user/{person.pk}/{verb}/", sent, follow=True))


def test_one_asks_another_agrees_and_the_person_is_told(
    operator: User, second: User, person: User, mailoutbox: Any
) -> None:
    browser = signed_in(person)
    asked = words(sign_in(Client(), operator).get(f"/admin/accounts/user/{person.pk}/{ASK}/"))
    assert "Another operator has to agree within 24 hours." in asked
    act(operator, ASK, person)
    send_notices()
    to = sorted((mail.to[0], mail.subject) for mail in mailoutbox)
    assert (person.email, "Your second factor is to be taken away") in to
    assert (second.email, f"Take the second factor of {person.username} away?") in to
    assert f"Second factor of {person.username}" in words(sign_in(Client(), second).get("/admin/"))
    assert Authenticator.objects.filter(user=person).exists()

    page = words(sign_in(Client(), second).get(f"/admin/accounts/user/{person.pk}/{AGREE}/"))
    assert f"{operator.username} asked for it: Lost the phone" in page
    act(second, AGREE, person, "Saw the passport")

    assert not Authenticator.objects.filter(user=person).exists()
    assert not UserSession.objects.filter(user=person).exists()
    assert browser.get("/settings/").status_code == 302
    event = AuditEvent.objects.get(action="user.factor_reset")
    assert (event.actor, event.target_id) == (second, str(person.pk))
    assert event.data == {"explanation": "Saw the passport", "asked_by": operator.username}
    mailoutbox.clear()
    send_notices()
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        ([person.email], "Your second factor was taken away")
    ]


def test_whoever_asked_does_not_agree(operator: User, person: User) -> None:
    act(operator, ASK, person)
    assert "You asked for this yourself." in act(operator, AGREE, person)
    assert Authenticator.objects.filter(user=person).exists()
    reset = FactorReset.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorReset.objects.filter(pk=reset.pk).update(state="agreed", answered_by=operator, answered_at=NOW)


def test_nobody_resets_their_own(operator: User, second: User) -> None:
    with_second_factor(second)
    assert "You cannot change your own second factor here." in act(operator, ASK, operator)
    act(operator, ASK, second)
    assert "You cannot change your own second factor here." in act(second, AGREE, second)


@pytest.mark.parametrize("who", ["operator", "second"])
def test_it_is_refused_or_taken_back(who: str, operator: User, second: User, person: User) -> None:
    act(operator, ASK, person)
    act({"operator": operator, "second": second}[who], REFUSE, person, "It was not them")
    assert Authenticator.objects.filter(user=person).exists()
    assert "Nobody has asked for this" in act(second, AGREE, person)
    act(operator, ASK, person)  # again
    assert FactorReset.objects.count() == 2


def test_after_a_day_nothing_waits(operator: User, second: User, person: User, time_machine: Any) -> None:
    act(operator, ASK, person)
    assert "asked for already" in act(second, ASK, person)
    time_machine.move_to(NOW + timedelta(days=1), tick=False)
    assert "a day has passed" in act(second, AGREE, person)
    assert not factor_resets.waiting(NOW + timedelta(days=1)).exists()


def test_who_was_dismissed_meanwhile_has_not_asked(operator: User, second: User, person: User) -> None:
    act(operator, ASK, person)
    User.objects.filter(pk=operator.pk).update(is_staff=False)
    assert "is no operator any more" in act(second, AGREE, person)
    assert Authenticator.objects.filter(user=person).exists()


def test_without_a_factor_or_a_reason_or_the_right_nothing_is_asked(
    operator: User, owner: User, person: User, stranger: User
) -> None:
    assert "The person has no second factor." in act(operator, ASK, stranger)
    for reason in ("", " ", "x" * 501):
        with pytest.raises(ValidationError):
            factor_resets.ask(user=person, reason=reason, now=NOW, actor=operator)
    for verb in (factor_resets.ask, factor_resets.agree, factor_resets.refuse):
        with pytest.raises(PermissionDenied):
            verb(user=person, reason="Mine", now=NOW, actor=owner)
    assert not FactorReset.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_operators_who_ask_at_once_ask_once() -> None:
    operators = factories.UserFactory.create_batch(2, is_staff=True)
    person = with_second_factor(factories.UserFactory())
    start = Barrier(2)

    def ask(actor: User) -> bool:
        start.wait()
        try:
            factor_resets.ask(user=person, reason="Lost", now=NOW, actor=actor)
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(ask, operators)) == [False, True]
    assert FactorReset.objects.count() == 1


def test_sessions_are_gone_from_the_store(operator: User, second: User, person: User) -> None:
    browser = signed_in(person)
    key = browser.session.session_key
    act(operator, ASK, person)
    act(second, AGREE, person)
    assert not Session.objects.filter(session_key=key).exists()


def test_the_address_goes_with_the_account(person: User, operator: User) -> None:
    factor_resets.ask(user=person, reason="Lost the phone", now=NOW, actor=operator)
    assert Notice.objects.filter(address=person.email).exists()
    delete_account(user=person, now=NOW)
    assert not Notice.objects.exclude(address="").exists()

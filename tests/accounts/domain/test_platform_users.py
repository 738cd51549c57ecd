"""Users made and renamed at the platform's word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Event

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.domain.platform_users import PlatformUser, upsert_users
from accounts.models import AuditEvent, OAuthApp, User
from tests import factories
from tests.factories import NOW


@pytest.fixture
def platform(db: None) -> OAuthApp:
    return factories.OAuthAppFactory(organization=None, is_platform=True)


def upsert(platform: OAuthApp, *users: tuple[str, str, str], now: datetime = NOW) -> dict[str, int]:
    return upsert_users(users=[PlatformUser(*user) for user in users], now=now, actor=platform)


def names() -> set[tuple[str, str]]:
    return set(User.objects.values_list("username", "email"))


def test_names_and_addresses_change_hands_in_one_call(platform: OAuthApp) -> None:
    made = upsert(
        platform,
        ("1", "mira", "mira@example.com"),
        ("2", "noa", "noa@example.com"),
        ("3", "ole", "ole@example.com"),
        ("4", "pia", "pia@example.com"),
    )

    changed = upsert(
        platform,
        ("1", "Noa", "noa@example.com"),
        ("2", "ole", "mira@example.com"),
        ("3", "mira", ""),
        ("4", "pia", "pia@example.com"),
        ("5", "rex", "ole@example.com"),
    )

    assert changed | made == changed
    assert list(User.objects.order_by("pk").values_list("username", "email")) == [
        ("Noa", "noa@example.com"),
        ("ole", "mira@example.com"),
        ("mira", ""),
        ("pia", "pia@example.com"),
        ("rex", "ole@example.com"),
    ]
    assert AuditEvent.objects.filter(action="user.renamed").count() == 3


def test_after_a_refused_call_everybody_has_the_name_from_before(platform: OAuthApp) -> None:
    upsert(platform, ("1", "mira", "mira@example.com"), ("2", "noa", ""))
    factories.UserFactory(username="taken")
    before = names()

    with pytest.raises(ValidationError, match="2: This name is taken"):
        upsert(platform, ("1", "noa", ""), ("2", "Taken", ""))

    assert names() == before


def test_a_user_named_twice_is_as_named_last(platform: OAuthApp) -> None:
    upsert(platform, ("1", "mira", ""))
    upsert(platform, ("1", "mira", ""), ("1", "noa", ""))
    assert names() == {("noa", "")}


def test_an_address_that_is_kept_with_a_small_domain_is_no_change_when_it_comes_again(
    platform: OAuthApp,
) -> None:
    for _ in range(2):
        upsert(platform, ("1", "mira", "Mira@Example.COM"))
    assert names() == {("mira", "Mira@example.com")}
    assert [event.action for event in AuditEvent.objects.all()] == ["user.created"]


def test_renaming_undoes_nothing_else(platform: OAuthApp) -> None:
    made = upsert(platform, ("1", "mira", ""))
    User.objects.update(profile_picture="users/x.webp", is_active=False)
    upsert(platform, ("1", "noa", ""))
    user = User.objects.get(pk=made["1"])
    assert (user.profile_picture.name, user.is_active) == ("users/x.webp", False)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_same_call_many_times_at_once_makes_each_user_once(platform: OAuthApp) -> None:
    start = Barrier(6)

    def call() -> dict[str, int]:
        start.wait()
        try:
            return upsert(platform, ("1", "mira", "mira@example.com"), ("2", "noa", ""))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = [call.result() for call in [threads.submit(call) for _ in range(6)]]

    assert answers == [answers[0]] * 6
    assert SocialAccount.objects.count() == User.objects.count() == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_name_that_somebody_takes_at_the_same_moment_is_taken(platform: OAuthApp) -> None:
    took = Event()

    def sign_up() -> None:
        try:
            with transaction.atomic():
                factories.UserFactory(username="mira")
                took.set()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(0.5)")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        signing_up = threads.submit(sign_up)
        took.wait()
        with pytest.raises(ValidationError, match="1: This name is taken"):
            upsert(platform, ("1", "mira", ""))
        signing_up.result()

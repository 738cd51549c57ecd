"""What accounts leaves behind is cleared away."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from accounts.tasks import clear_tokens
from tests.factories import NOW


def sign_in(person: User) -> str:
    browser = Client()
    browser.post("/accounts/login/", {"login": person.username, "password": "nine-lanterns-lit"})
    return str(browser.session.session_key)


def test_sessions_that_expired_are_deleted_and_so_is_what_is_known_of_them(viewer: User) -> None:
    viewer.set_password("nine-lanterns-lit")
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)
    with time_machine.travel(NOW, tick=False):
        sign_in(viewer)
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        later = sign_in(viewer)
    assert Session.objects.count() == UserSession.objects.count() == 2

    with time_machine.travel(NOW + timedelta(days=15), tick=False):
        clear_tokens()

    assert Session.objects.get().session_key == UserSession.objects.get().session_key == later

"""How many wrong passwords may be tried, on top of django-allauth's own counters.

Few by one account from one network address; more by one account from anywhere, so that no single address keeps
anybody out. A password that was just set has no wrong tries yet: its reset opens the door everywhere.
"""

from __future__ import annotations

from typing import Any

from allauth.account import app_settings
from allauth.account.utils import filter_users_by_email
from allauth.core.internal import ratelimit
from django.db.models.functions import Lower
from django.http import HttpRequest

from accounts import rates
from accounts.models import User

APP = "allauth.account"
# Names of limits in the setting ACCOUNT_RATE_LIMITS: from one address, and from anywhere.
NEARBY, ANYWHERE = "login_failed", "login_failed_anywhere"


class TooManyTries(Exception):
    """`minutes`: whole minutes, at least one, until another try is looked at."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes


def count_try(request: HttpRequest, credentials: dict[str, Any]) -> ratelimit.RateLimitUsage:
    """Count a try that may turn out right: then `rollback()` of the answer takes it back. TooManyTries."""
    counted = ratelimit.RateLimitUsage(usage=[])
    account = _account(credentials)
    for action, key in ((NEARBY, f"{ratelimit.get_ip(request)}:{account}"), (ANYWHERE, account)):
        usage = ratelimit.consume(request, app=APP, action=action, key=key)
        if usage is None:
            counted.rollback()
            limit = app_settings.RATE_LIMITS.get(action)
            raise TooManyTries(rates.minutes_left(request, app=APP, action=action, rates=limit, key=key))
        counted.usage += usage.usage
    return counted


def _account(credentials: dict[str, Any]) -> str:
    """What was typed, and the password's hash that it is tried against: allauth stores a hash of the two.

    A name and an address of one person count apart, or the limit would tell that they belong together.
    """
    email, name = credentials.get("email"), credentials.get("username")
    typed = str(email or name).lower()
    if email:  # perhaps a second address
        people = list(filter_users_by_email(typed, prefer_verified=True))
    else:  # by the index that keeps names unique
        people = list(User.objects.alias(lower_name=Lower("username")).filter(lower_name=typed))
    return ":".join([typed, *sorted(person.password for person in people)])

"""The gate of the two privileged sites, the owners' dashboard and the operators' admin.

It looks at how this very session was signed in. That the person has a second factor is not enough: a session
that was opened by a password alone, perhaps by somebody else, may be older than the factor.
"""

from __future__ import annotations

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.domain.members import SECOND_FACTORS


def door(request: HttpRequest, *, back: str) -> HttpResponse | None:
    """Where to send a request that has to sign in first, or to pass a second factor; None lets it in.

    The way leads `back` to an address of this site.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(back, reverse("account_login"))
    factors = _factors(request)
    if not factors:
        return redirect("accounts:second_factor")
    if not _passed(request, factors):
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")
    return None


def recheck(request: HttpRequest) -> None:
    """PermissionDenied where the session ended, or its second factor was taken away, since the gate."""
    key = request.session.session_key
    if not key or not request.session.exists(key) or not _passed(request, _factors(request)):
        raise PermissionDenied(_("Your session has ended. Sign in again."))


def _factors(request: HttpRequest) -> set[int]:
    """The ids of the person's factors; none where there is nothing but recovery codes."""
    rows = dict(Authenticator.objects.filter(user=request.user.pk).values_list("pk", "type"))
    return set(rows) if set(SECOND_FACTORS) & set(rows.values()) else set()


def _passed(request: HttpRequest, factors: set[int]) -> bool:
    """True where this session answered for one of `factors`; a recovery code stands for a lost phone."""
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" and record.get("id") in factors for record in records)

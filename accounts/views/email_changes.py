"""The page behind the link in a mail to an account's former address."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.password_reset import request_password_reset
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.domain import email_changes
from accounts.models import EmailChange


def undo(request: HttpRequest, key: str) -> HttpResponse:
    """Asks on GET, does it on POST. Whoever has the link need not be signed in: perhaps they cannot."""
    now = timezone.now()
    change = email_changes.find(key, now=now)
    if change is None:
        return _show(request, None, status=404)
    if request.method != "POST":
        return _show(request, change)
    if request.user == change.user:
        logout(request)
    try:
        displaced = email_changes.undo(change=change, now=now)
    except EmailChange.DoesNotExist:
        return _show(request, None, status=404)
    except ValidationError as refusal:
        return _show(request, change, refusal=refusal, status=409)
    change.user.refresh_from_db()
    if displaced:
        told = {"address": change.address, "displaced": displaced}
        get_adapter().send_notification_mail("account/email/email_restored", change.user, told, displaced)
    request_password_reset(request, change.address, [change.user], None)
    messages.success(
        request, _("%(address)s is the address of your account again.") % {"address": change.address}
    )
    return redirect("account_reset_password_done")


def _show(
    request: HttpRequest,
    change: EmailChange | None,
    *,
    refusal: ValidationError | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"change": change, "refusal": refusal, "days": email_changes.UNDO_FOR.days}
    return render(request, "accounts/undo_email_change.html", context, status=status)

"""A person's notices, how they are wanted, and the page behind the link in each mail that can be switched off."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.domain.notices import switches, times, viewers
from accounts.forms import NoticeTimesForm
from accounts.requests import SignedInRequest


@login_required
def notices(request: SignedInRequest) -> HttpResponse:
    """What the person was told as a viewer, the latest first. What is shown counts as read from then on."""
    before = request.GET.get("before", "")
    now = timezone.now()
    lines, more = viewers.page_of(user=request.user, before=int(before) if _is_key(before) else None)
    if not before:
        viewers.mark_read(user=request.user, now=now)
    return render(request, "accounts/notices.html", {"lines": lines, "more": more, "before": before})


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


@login_required
def notice_settings(request: SignedInRequest) -> HttpResponse:
    """Which kinds the person wants, on the page and by mail; quiet hours, and the daily digest."""
    choices = viewers.choices(request.user)
    chosen = times.times_of(request.user)
    form = NoticeTimesForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(chosen, name) for name in NoticeTimesForm.base_fields},
    )
    if form.is_valid():
        now = timezone.now()
        with transaction.atomic():
            viewers.choose(
                user=request.user,
                here=request.POST.getlist("here"),
                mail=request.POST.getlist("mail"),
                now=now,
            )
            times.choose(user=request.user, **form.cleaned_data)
            if form.cleaned_data["digest_hour"] is not None:
                viewers.switch_digest(user=request.user, on=True, now=now)
        messages.success(request, _("Your notices were saved."))
        return redirect("accounts:notice_settings")
    return render(
        request,
        "accounts/notice_settings.html",
        {"choices": choices, "form": form, "zone": request.user.time_zone or "UTC"},
    )


@csrf_exempt  # the mail program posts it, without a cookie; the key in the address is the right to do it
@require_http_methods(["GET", "HEAD", "POST"])
def switch(request: HttpRequest, key: str) -> HttpResponse:
    """Asks on GET, does it on POST (RFC 8058). Whoever has the link need not be signed in."""
    wish = switches.opened_by(key)
    if wish is None:
        return render(request, "accounts/notices_off.html", status=404)
    if request.method == "POST":
        on = "on" in request.POST
        switches.switch(
            kind=wish.kind,
            recipient=wish.recipient,
            organization=wish.organization,
            on=on,
            now=timezone.now(),
        )
        wish = wish._replace(is_on=on)
    return render(request, "accounts/notices_off.html", {"wish": wish})

"""The page behind the link in each mail that can be switched off."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.domain.notices import switches


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

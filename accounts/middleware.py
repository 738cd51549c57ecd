"""What the audit trail learns of a request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.domain import audit
from accounts.models import AuditEvent
from accounts.requests import address_of


def audit_origin(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """The audit events of a request keep where it came from."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with audit.coming_from(_origin_of(request)):
            return get_response(request)

    return middleware


def _origin_of(request: HttpRequest) -> audit.Origin:
    address = address_of(request)
    said = "".join(
        letter if letter.isprintable() else " " for letter in request.headers.get("User-Agent", "")
    )
    return audit.Origin(
        str(address) if address else None, said[: AuditEvent._meta.get_field("user_agent").max_length]
    )

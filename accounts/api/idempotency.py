"""A call with an `Idempotency-Key` is done once; its repeats get the first answer again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request

from accounts.domain.tokens import Caller
from accounts.models import IdempotentCall

MAX_KEY_LENGTH = 255


class Unprocessable(APIException):
    status_code = 422


def once(request: Request, *, caller: Caller, now: datetime, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer with `act`, in a transaction. What it raises undoes all of it, and the key stays free."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        with transaction.atomic():
            return act()
    if len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise ParseError(f"Idempotency-Key: at most {MAX_KEY_LENGTH} printable ASCII characters.")
    fingerprint = _fingerprint(request)
    try:
        with transaction.atomic():
            # A second call with this key waits here, for the first one's commit.
            call = IdempotentCall.objects.create(
                app_id=caller.app_id, key=key, fingerprint=fingerprint, status=0, created_at=now
            )
            response = act()
            call.status, call.body = response.status_code, response.content
            call.save(update_fields=["status", "body"])
            return response
    except IntegrityError:
        first = IdempotentCall.objects.filter(app_id=caller.app_id, key=key).first()
        if first is None:
            raise
    if first.fingerprint != fingerprint:
        raise Unprocessable("Idempotency-Key: was used for another call. Choose a new one.")
    return HttpResponse(
        bytes(first.body),
        status=first.status,
        content_type="application/json",
        headers={"Idempotent-Replayed": "true"},
    )


def _fingerprint(request: Request) -> str:
    parts = (request.method or "", request.get_full_path(), request._request.body.hex())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

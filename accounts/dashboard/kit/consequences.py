"""Asks for confirmation before a change that cannot be undone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.domain.consequences import Consequence
from accounts.requests import WriteRequest

FIELD = "confirmed"


def ask_first(request: HttpRequest, consequences: Sequence[Consequence]) -> None:
    """Raise ValidationError unless the person has confirmed exactly these consequences.

    The same form is then shown again, with the consequences above it and a button that confirms them.
    """
    digest = hashlib.sha256(repr(consequences).encode()).hexdigest()[:32]
    if consequences and request.POST.get(FIELD) != digest:
        asked = cast("WriteRequest", request)
        asked.consequences, asked.consequences_digest = consequences, digest
        raise ValidationError(
            _("Nothing is saved yet. Look at what cannot be undone, and confirm it."), code="confirm"
        )

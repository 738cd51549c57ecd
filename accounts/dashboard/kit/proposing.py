"""Where the two-owner rule holds, a button does not do what it says: it asks another owner."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.dashboard.kit.access import member, recheck
from accounts.domain import two_owners
from accounts.domain.two_owners import SecondOwnerNeeded


def propose(request: HttpRequest, needed: SecondOwnerNeeded) -> None:
    """Write down what the verb said, after its transaction is undone, and tell the person what happens now."""
    try:
        with transaction.atomic():
            recheck(request, needed.act.action)
            two_owners.propose(needed, now=timezone.now(), actor=member(request))
    except ValidationError as refusal:
        for text in refusal.messages:
            messages.error(request, text)
    else:
        messages.info(
            request,
            _(
                "Nothing has changed yet. The other owners were asked. It happens once one of them agrees, "
                "within %(days)d days."
            )
            % {"days": two_owners.VALID_FOR.days},
        )

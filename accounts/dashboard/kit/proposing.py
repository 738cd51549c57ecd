"""Where the two-owner rule holds, a button does not do what it says: it asks another owner."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.dashboard.kit.access import may, member, recheck
from accounts.domain import two_owners
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, SecondOwnerNeeded


def waiting_context(request: HttpRequest, act: Act | None, row: Model) -> dict[str, Any]:
    """What a page that asks before an act says of the rule: whether it holds, and what is proposed already.

    The proposal's page is for the person who proposed it, and for those who may see all of them.
    """
    now = timezone.now()
    if act is None or not two_owners.would_wait(act, row, actor=member(request), now=now):
        return {"would_wait": False}
    proposal = two_owners.open_proposal(act, row, now=now)
    sees_it = proposal is not None and (
        may(request, Action.SEE_MEMBERS) or proposal.asked_by_id == member(request).pk
    )
    return {"would_wait": True, "proposal": proposal, "sees_proposal": sees_it}


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

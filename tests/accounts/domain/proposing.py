"""What waits for a second owner: how tests ask for it, and what is noted of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.domain import two_owners
from accounts.domain.two_owners import SecondOwnerNeeded
from accounts.models import AuditEvent, Proposal, User
from drops.domain.campaigns import lifecycle
from drops.models import Campaign
from tests.factories import NOW


def withdraw(campaign: Campaign, actor: Any, now: datetime = NOW) -> None:
    lifecycle.withdraw_campaign(campaign=campaign, now=now, actor=actor)


def proposed(verb: Callable[[], object], actor: User, now: datetime = NOW) -> Proposal:
    """What comes of it where a second owner is needed."""
    with pytest.raises(SecondOwnerNeeded) as needed:
        verb()
    return two_owners.propose(needed.value, now=now, actor=actor)


def propose_withdrawal(campaign: Campaign, actor: User) -> Proposal:
    return proposed(lambda: withdraw(campaign, actor), actor)


def events(*, of: Any = None) -> list[tuple[str, int | None]]:
    found = AuditEvent.objects.all()
    if of is not None:
        found = found.filter(target_type=of._meta.label_lower, target_id=str(of.pk))
    return list(found.order_by("pk").values_list("action", "actor"))

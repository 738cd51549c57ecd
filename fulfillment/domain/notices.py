"""What members hear of what their campaigns bring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from drops.domain.notices import page_of
from drops.models import Campaign, PhaseChange, PhaseChangeKind
from fulfillment.domain.analytics.first_day import first_day

FIRST_DAY = register(
    Kind(
        code="first_day",
        label=_("A campaign's first day"),
        words=_("Its viewers, watch time and claims, once the first day is over."),
        action=Action.SEE_FIGURES,
        model=Campaign,
        related=("organization",),
        template="fulfillment/mail/first_day",
        values=lambda campaign, data: {"campaign": campaign, "path": page_of(campaign), **data},
        is_current=lambda campaign, _data, _now: campaign.organization.is_active,
        good_for=timedelta(days=2),
        in_chat=True,
        path=page_of,
    )
)


def tell_first_day(*, change: PhaseChange, in_time: bool, now: datetime, **_: Any) -> None:
    """With the numbers as they are now: the same for everybody. Test mode has none."""
    if change.kind == PhaseChangeKind.FIRST_DAY and in_time and not change.campaign.test_mode:
        numbers = first_day(campaign=change.campaign, until=change.due_at)
        write(FIRST_DAY, about=change.campaign, once="", now=now, data=numbers)

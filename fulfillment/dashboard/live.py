"""Pages that follow by themselves what is on its way: a part of them is fetched again until it is settled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django.shortcuts import render
from django.utils import timezone

from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.requests import PageRequest
from fulfillment.domain.delivery.status import DeliveryStatus, delivery_status, next_attempt_at
from fulfillment.models import Delivery

LEAST_SECONDS = 5


def fetch_again_after(deliveries: Iterable[Delivery], now: datetime) -> int | None:
    """In how many seconds there is something new to see: soon after the next attempt. None where none is made."""
    waiting = [delivery for delivery in deliveries if delivery_status(delivery) == DeliveryStatus.WAITING]
    if not waiting:
        return None
    # An attempt that is under way is over at any moment.
    return seconds_until(min(next_attempt_at(delivery) or now for delivery in waiting), now)


def seconds_until(attempt_at: datetime, now: datetime) -> int:
    """How long to leave a page alone that shows an attempt planned for then, which takes a moment itself."""
    return max(LEAST_SECONDS, math.ceil((attempt_at - now).total_seconds()) + 1)


class LiveAdmin(OrganizationAdmin):
    """`part_template` draws what changes on an object's page. To HTMX it is all of the answer."""

    part_template: str

    def deliveries_of(self, obj: Any) -> Iterable[Delivery]:
        raise NotImplementedError

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        now = timezone.now()
        context |= {
            "now": now,
            "part_template": self.part_template,
            "fetch_again_after": fetch_again_after(self.deliveries_of(kwargs["obj"]), now),
        }
        if cast("PageRequest", request).htmx:
            return render(request, self.part_template, context)
        return super().render_change_form(request, context, *args, **kwargs)

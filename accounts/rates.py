"""What django-allauth's limits, each so many tries in a sliding window, do not say: how long to wait."""

from __future__ import annotations

import math
import time
from typing import Any

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest


def minutes_left(request: HttpRequest, *, app: str, action: str, rates: str | None, **whose: Any) -> int:
    """Whole minutes, at least one, until another try is counted. `rates` and `whose`: as for `ratelimit.consume`."""
    now, left = time.time(), 0.0
    for rate in ratelimit.parse_rates(rates):
        tries = cache.get(ratelimit.get_cache_key(request, app=app, action=action, rate=rate, **whose), [])
        if len(tries) >= rate.amount:  # the newest first
            left = max(left, tries[rate.amount - 1] + rate.duration - now)
    return max(1, math.ceil(left / 60))

"""How fresh the minutes are, for everybody: nothing of any studio or person."""

from __future__ import annotations

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from config.middleware.health import LONGEST
from drops.domain.readings import counted_up_to_age


def status(request: HttpRequest) -> HttpResponse:
    """Up to when watch time is counted. However many ask, it is read once in a few seconds."""
    seconds = counted_up_to_age(now=timezone.now())
    context = {
        "seconds": seconds,
        "minutes": None if seconds is None else math.ceil(seconds / 60),
        "late": seconds is not None and seconds > LONGEST["oldest beat"],
    }
    return render(request, "drops/status.html", context)

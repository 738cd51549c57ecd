"""What a viewer watched, and what each visit counted for."""

from __future__ import annotations

from datetime import datetime, time

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.requests import SignedInRequest, zone_of
from drops.domain.watch import history
from drops.forms import HistoryForm


@login_required
def watch_history(request: SignedInRequest) -> HttpResponse:
    """The latest week with visits, or with `before` (a day) the latest before it, in the browser's time zone."""
    now, zone = timezone.now(), zone_of(request)
    form = HistoryForm(request.GET)
    day = form.cleaned_data["before"] if form.is_valid() else None
    before = datetime.combine(day, time.min, zone) if day else now.astimezone(zone)
    context = {
        "zone": zone,
        "now": now,
        "form": form,
        "day": day,
        "kept_days": settings.WATCH_HISTORY_DAYS,
        "history": history.watch_history(viewer=request.user, before=before),
    }
    return render(request, "drops/watch_history.html", context)

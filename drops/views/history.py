"""What a viewer watched, and what each visit counted for."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render

from accounts.requests import SignedInRequest


@login_required
def watch_history(request: SignedInRequest) -> HttpResponse:
    return render(request, "drops/watch_history.html", {})

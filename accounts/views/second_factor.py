"""The page before the dashboard and the operators' admin, for people who have no second factor yet."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.domain.members import has_second_factor
from accounts.requests import SignedInRequest


@login_required
def second_factor(request: SignedInRequest) -> HttpResponse:
    """Why one is asked for, and the way to it."""
    if has_second_factor(request.user):
        return redirect("mfa_index")
    return render(request, "accounts/second_factor.html")

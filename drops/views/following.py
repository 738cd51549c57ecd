"""What a viewer follows."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.requests import SignedInRequest
from drops.domain import following


@login_required
def followed(request: SignedInRequest) -> HttpResponse:
    before = request.GET.get("before", "")
    is_key = before.isascii() and before.isdigit() and len(before) < 19
    rows, more = following.page_of(viewer=request.user, before=int(before) if is_key else None)
    return render(request, "drops/following.html", {"follows": rows, "more": more, "before": before})


@login_required
def follow(request: SignedInRequest) -> HttpResponse:
    """Follow `what` with the id `key`, or with `end` no longer; then back to the page of ours in `back`.

    A GET comes from the sign-in on the way, and goes to the list.
    """
    if request.method != "POST":
        return redirect("drops:following")
    now = timezone.now()
    what, key = request.POST.get("what", ""), request.POST.get("key", "")
    try:
        if "end" in request.POST:
            following.unfollow(viewer=request.user, what=what, key=key)
        else:
            thing = following.thing_of(what, key, viewer=request.user, now=now)
            following.follow(viewer=request.user, thing=thing, now=now)
    except following.NothingThere:
        raise Http404 from None
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    back = request.POST.get("back", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours else "drops:following")

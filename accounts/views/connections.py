"""The game accounts a viewer has connected."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.domain import links
from accounts.models import GameLink
from accounts.requests import SignedInRequest

HISTORY_SHOWN = 20


@login_required
def connections(request: SignedInRequest) -> HttpResponse:
    standing = links.standing().filter(viewer=request.user)
    ended = GameLink.objects.filter(viewer=request.user).exclude(unlinked_at=None)
    context = {
        "live_links": standing.select_related("organization", "app").order_by("organization__name"),
        "ended_links": ended.select_related("organization", "app").order_by("-unlinked_at")[:HISTORY_SHOWN],
    }
    return render(request, "accounts/connections.html", context)


@login_required
def unlink(request: SignedInRequest, organization_id: str) -> HttpResponse:
    """Asks on GET, does it on POST. Nothing to unlink any more, say in another tab, is fine."""
    link = (
        GameLink.objects.filter(viewer=request.user, organization=organization_id)
        .select_related("organization", "app")
        .order_by("-linked_at")
        .first()
    )
    if link is None:
        raise Http404
    if request.method == "POST":
        links.unlink(viewer=request.user, organization=link.organization, now=timezone.now())
        messages.success(request, _("%(studio)s was unlinked.") % {"studio": link.organization})
        return redirect("accounts:connections")
    return render(request, "accounts/unlink.html", {"link": link})

"""One viewer as this organization may see them: what its own campaigns, claims and links say."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import active_organization
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.models import GameLink
from drops.domain.watch.history import look_up
from drops.models import Progress
from fulfillment.dashboard.columns import status_badge
from fulfillment.domain.delivery.status import claim_status
from fulfillment.models import Claim

MOST = 100
LEDGER_PERIOD = timedelta(days=14)


class LookUpForm(forms.Form):
    user_id = forms.IntegerField(
        label=_("User ID"),
        min_value=1,
        max_value=2**63 - 1,
        help_text=_("The user ID is in claims and webhooks."),
    )


@site.page(
    "viewers/",
    name="viewers",
    action=Action.LOOK_UP_VIEWERS,
    label=_("Viewer look-up"),
    icon="search",
    order=50,
)
def viewers(request: HttpRequest) -> HttpResponse:
    """Watched minutes, claims and game accounts of the viewer with `?user_id=`.

    A viewer who has nothing to do with this organization looks like one who does not exist.
    """
    form = LookUpForm(request.GET if "user_id" in request.GET else None)
    context = {**site.each_context(request), "title": _("Viewer look-up"), "form": form}
    if form.is_valid():
        organization, viewer_id = active_organization(request), form.cleaned_data["user_id"]
        context |= {
            "viewer_id": viewer_id,
            "progress": Progress.objects.filter(viewer=viewer_id, campaign__organization=organization)
            .select_related("campaign")
            .order_by("-updated_at")[:MOST],
            "visits": look_up(
                organization=organization, viewer_id=viewer_id, since=timezone.now() - LEDGER_PERIOD
            )[:MOST],
            "claims": [
                (claim, status_badge(claim_status(claim.deliveries.all())))
                for claim in Claim.objects.filter(viewer=viewer_id, organization=organization)
                .select_related("campaign", "reward")
                .prefetch_related("deliveries__endpoint")[:MOST]
            ],
            "links": GameLink.objects.filter(viewer=viewer_id, organization=organization).order_by(
                "-linked_at"
            )[:MOST],
        }
    return render(request, "dashboard/viewers.html", context)

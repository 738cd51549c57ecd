"""One viewer as this organization may see them: what its own campaigns, claims and links say."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import active_organization
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from config.one_line import one_line
from fulfillment.dashboard.columns import status_badge
from fulfillment.domain.claims.support import case_of, find_viewers, whole_id
from fulfillment.domain.delivery.status import claim_status


class LookUpForm(forms.Form):
    q = forms.CharField(
        label=_("Viewer"),
        max_length=128,
        validators=[one_line],
        help_text=_("A user ID, a username, or the name or ID of a game account."),
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
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
    """What the organization knows of the viewer with `?user_id=`; `?q=` searches for one.

    A viewer who has nothing to do with this organization looks like one who does not exist.
    """
    organization, now = active_organization(request), timezone.now()
    form = LookUpForm(request.GET if "q" in request.GET else None)
    context = {**site.each_context(request), "title": _("Viewer look-up"), "form": form}
    if form.is_valid():
        found = find_viewers(organization=organization, term=form.cleaned_data["q"], now=now)
        if len(found) == 1:
            return redirect(f"{request.path}?user_id={found[0][0]}")
        context["found"] = found
    elif "user_id" in request.GET:
        viewer_id = whole_id(request.GET["user_id"])
        case = case_of(organization=organization, viewer_id=viewer_id, now=now) if viewer_id else None
        context["found"] = []
        if case is not None:
            stands = [(claim, status_badge(claim_status(claim.deliveries.all()))) for claim in case.claims]
            context |= {"case": case, "claims": stands}
    return render(request, "dashboard/viewers.html", context)

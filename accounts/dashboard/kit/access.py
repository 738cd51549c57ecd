"""Who may enter the dashboard, and which organization the request acts for."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import gate
from accounts.domain import applications, invitations, permissions
from accounts.domain.permissions import Action
from accounts.models import Membership, Organization, User
from accounts.requests import INVITATION_KEY, DashboardRequest

SESSION_KEY = "organization"
# Every form of the dashboard carries the organization that it was drawn for.
FORM_FIELD = "active_organization"


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The person's memberships, the one that was opened last first: one query per request."""
    known = cast("DashboardRequest", request)
    if not hasattr(known, "memberships"):
        known.memberships = list(
            Membership.objects.filter(user=member(request))
            .select_related("organization")
            .order_by(F("opened_at").desc(nulls_last=True), "pk")
        )
    return known.memberships


def active_membership(request: HttpRequest) -> Membership:
    """The membership that this request acts under: the one that this session switched to, else the last used."""
    found = memberships_of(request)
    if not found:
        raise PermissionDenied(_("Only members of an organization have a dashboard."))
    chosen = request.session.get(SESSION_KEY)
    return next((each for each in found if each.organization_id == chosen), found[0])


def active_organization(request: HttpRequest) -> Organization:
    return active_membership(request).organization


def may(request: HttpRequest, action: Action) -> bool:
    return action in permissions.rights_of(active_membership(request))


def require(request: HttpRequest, action: Action) -> None:
    """PermissionDenied, with the reason, where this request may not do `action`."""
    if refusal := permissions.refusal_of(active_membership(request), action):
        raise PermissionDenied(refusal)


def member(request: HttpRequest) -> User:
    """The signed-in person. Only for views behind the gate."""
    return cast("User", request.user)


def recheck(request: HttpRequest, action: Action) -> None:
    """`require` again, by the present state, which stays locked until the write commits.

    Between the gate and the write another owner may have removed this one, and the session may have ended.
    """
    gate.recheck(request)
    permissions.require(actor=member(request), organization=active_organization(request), action=action)


def admit(request: HttpRequest) -> HttpResponse | None:
    """Where to send a request that may not enter the dashboard; None if it may enter."""
    if request.user.is_authenticated and not memberships_of(request):
        key = request.session.get(INVITATION_KEY, "")
        invited = invitations.invitations_for(member(request), now=timezone.now(), key=key).exists()
        return redirect("accounts:organizations" if invited else "dashboard:register")
    back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("dashboard:index")
    if elsewhere := gate.door(request, back=back):
        return elsewhere
    if (
        request.method == "POST"
        and request.POST.get(FORM_FIELD) != active_membership(request).organization_id
    ):
        messages.error(
            request,
            _(
                "Nothing was changed. The form that you sent belongs to another organization than "
                "%(organization)s, which is open now. Try again from here."
            )
            % {"organization": active_organization(request)},
        )
        return redirect("dashboard:index")
    return None


def context(request: HttpRequest) -> dict[str, Any]:
    """What every page of the dashboard knows about the person and the organization."""
    organization = active_organization(request)
    return {
        "organization": organization,
        "application": None if organization.was_approved else applications.last_step(organization),
        "memberships": memberships_of(request),
        "rights": permissions.rights_of(active_membership(request)),
        "form_field": FORM_FIELD,
    }

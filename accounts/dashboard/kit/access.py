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
from accounts.domain import applications, invitations, operator_views, permissions
from accounts.domain.permissions import Action
from accounts.models import Membership, OperatorView, Organization, User
from accounts.requests import INVITATION_KEY, VIEW_KEY, DashboardRequest
from config.logs import tell_of

SESSION_KEY = "organization"
# Every form of the dashboard carries the organization that it was drawn for.
FORM_FIELD = "active_organization"
SAFE_METHODS = ("GET", "HEAD")
# Their pages show what may hold a secret: whole URLs.
HIDDEN_FROM_OPERATORS = frozenset({Action.CHANGE_ENDPOINTS})


def viewing(request: HttpRequest) -> OperatorView | None:
    """What an operator looks at as a member would; None for everybody else. No query unless the session says so."""
    known = cast("DashboardRequest", request)
    if not hasattr(known, "viewing"):
        key = request.session.get(VIEW_KEY)
        known.viewing = (
            operator_views.current(key=key, operator=member(request), now=timezone.now()) if key else None
        )
        if key and known.viewing is None:
            del request.session[VIEW_KEY]
            messages.info(request, _("You no longer look at the dashboard as a member would."))
    return known.viewing


def refuse_writes(request: HttpRequest) -> None:
    """PermissionDenied for all that an operator sends who only looks: the one place that refuses it."""
    if request.method not in SAFE_METHODS and request.user.is_authenticated and viewing(request):
        raise PermissionDenied(_("You only look at this dashboard. Nothing can be changed."))


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The person's memberships, the one that was opened last first: one query per request.

    An operator who looks at an organization has one, which is in no table.
    """
    known = cast("DashboardRequest", request)
    if not hasattr(known, "memberships") and (view := viewing(request)):
        known.memberships = [Membership(user=member(request), organization=view.organization, role=view.role)]
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
    active = next((each for each in found if each.organization_id == chosen), found[0])
    tell_of(organization_id=active.organization_id)
    return active


def active_organization(request: HttpRequest) -> Organization:
    return active_membership(request).organization


def rights(request: HttpRequest) -> frozenset[Action]:
    """What this request may do."""
    found = permissions.rights_of(active_membership(request))
    return found - HIDDEN_FROM_OPERATORS if viewing(request) else found


def may(request: HttpRequest, action: Action) -> bool:
    return action in rights(request)


def require(request: HttpRequest, action: Action) -> None:
    """PermissionDenied, with the reason, where this request may not do `action`."""
    if refusal := permissions.refusal_of(active_membership(request), action):
        raise PermissionDenied(refusal)
    if not may(request, action):
        raise PermissionDenied(_("This page may show a secret. Operators do not see it."))


def member(request: HttpRequest) -> User:
    """The signed-in person. Only for views behind the gate."""
    return cast("User", request.user)


def recheck(request: HttpRequest, action: Action) -> None:
    """`require` again, by the present state, which stays locked until the write commits.

    Between the gate and the write another owner may have removed this one, and the session may have ended.
    """
    refuse_writes(request)
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
    refuse_writes(request)
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
        "rights": rights(request),
        "viewing": (view := viewing(request)),
        # In a template of this site, "admin:" would be this site.
        "leave_url": reverse("admin:accounts_organization_leave", args=[view.organization_id])
        if view
        else "",
        "operators_url": reverse("admin:index"),
        "form_field": FORM_FIELD,
    }

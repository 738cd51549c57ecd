"""Who may enter the dashboard, and which organization the request acts for."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.domain.members import has_second_factor
from accounts.models import MemberRole, Membership, Organization, User
from accounts.requests import DashboardRequest

SESSION_KEY = "organization"
# Every form of the dashboard carries the organization that it was drawn for.
FORM_FIELD = "active_organization"


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The person's memberships by organization name: one query per request."""
    known = cast("DashboardRequest", request)
    if not hasattr(known, "memberships"):
        known.memberships = list(
            Membership.objects.filter(user=member(request))
            .select_related("organization")
            .order_by("organization__name", "organization_id")
        )
    return known.memberships


def active_membership(request: HttpRequest) -> Membership:
    """The membership that this request acts under: the one that was switched to, else the first."""
    found = memberships_of(request)
    if not found:
        raise PermissionDenied(_("Only members of an organization have a dashboard."))
    chosen = request.session.get(SESSION_KEY)
    return next((each for each in found if each.organization_id == chosen), found[0])


def active_organization(request: HttpRequest) -> Organization:
    return active_membership(request).organization


def may_change(request: HttpRequest) -> bool:
    return MemberRole(active_membership(request).role).may_change


def member(request: HttpRequest) -> User:
    """The signed-in person, for those who stand behind the gate."""
    return cast("User", request.user)


def recheck(request: HttpRequest) -> None:
    """Hold the membership as it is now until the write commits; PermissionDenied where it allows none.

    Between the gate and the write another owner may have removed this one.
    """
    fresh = Membership.objects.select_for_update(no_key=True).filter(pk=active_membership(request).pk).first()
    if fresh is None or not MemberRole(fresh.role).may_change:
        raise PermissionDenied(_("Your role does not allow changes. Ask an owner of your organization."))


def gate(request: HttpRequest) -> HttpResponse | None:
    """Where to send a request that may not enter the dashboard as it is; None lets it in."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("account_login"))
    if not memberships_of(request):
        return redirect("dashboard:register")
    if not has_second_factor(member(request)):
        return redirect("dashboard:second_factor")
    if (
        request.method == "POST"
        and request.POST.get(FORM_FIELD) != active_membership(request).organization_id
    ):
        messages.error(
            request,
            _(
                "Nothing was changed. The page that you sent belongs to another organization than "
                "%(organization)s, which is open now. Try again from here."
            )
            % {"organization": active_organization(request)},
        )
        return redirect("dashboard:index")
    return None


def context(request: HttpRequest) -> dict[str, Any]:
    """What every page of the dashboard knows about the person and the organization."""
    return {
        "organization": active_organization(request),
        "memberships": memberships_of(request),
        "may_change": may_change(request),
        "form_field": FORM_FIELD,
    }

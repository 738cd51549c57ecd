"""The organizations that a person belongs to or is invited to."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.domain import invitations, members
from accounts.models import Invitation, Membership
from accounts.requests import INVITATION_KEY, SignedInRequest


@login_required
def organizations(request: SignedInRequest) -> HttpResponse:
    key = request.session.get(INVITATION_KEY, "")
    found = invitations.invitations_for(request.user, now=timezone.now(), key=key)
    context = {
        "invitations": found.select_related("organization"),
        "has_second_factor": members.has_second_factor(request.user),
        "memberships": Membership.objects.filter(user=request.user)
        .select_related("organization")
        .order_by("organization__name", "pk"),
    }
    return render(request, "accounts/organizations.html", context)


def invited(request: HttpRequest, key: str) -> HttpResponse:
    """Where the link of an invitation's mail leads, with or without an account. Nothing is accepted by opening it."""
    try:
        invitation = invitations.opened_by(key, now=timezone.now())
    except Invitation.DoesNotExist:
        return render(request, "accounts/invited.html", status=404)
    request.session[INVITATION_KEY] = key
    if request.user.is_authenticated:
        return redirect("accounts:organizations")
    return render(request, "accounts/invited.html", {"invitation": invitation})


@require_POST
@login_required
def answer(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    """Accept or decline."""
    accepts = "accept" in request.POST
    which = {
        "invitation_id": invitation_id,
        "user": request.user,
        "now": timezone.now(),
        "key": request.session.get(INVITATION_KEY, ""),
    }
    try:
        if accepts:
            joined = invitations.accept(**which).organization
        else:
            invitations.decline(**which)
    except Invitation.DoesNotExist:
        messages.error(request, _("This invitation is no longer open."))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("accounts:second_factor")
    else:
        messages.success(
            request,
            _("You are now a member of %(organization)s.") % {"organization": joined}
            if accepts
            else _("You declined the invitation."),
        )
    return redirect("accounts:organizations")


@login_required
def leave(request: SignedInRequest, organization_id: str) -> HttpResponse:
    """Asks on GET, does it on POST."""
    membership = get_object_or_404(
        Membership.objects.select_related("organization", "user"),
        user=request.user,
        organization=organization_id,
    )
    if request.method != "POST":
        return render(request, "accounts/leave.html", {"membership": membership})
    try:
        members.leave(membership=membership, now=timezone.now())
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        left = {"organization": membership.organization}
        messages.success(request, _("You have left %(organization)s.") % left)
    return redirect("accounts:organizations")

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, member
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.domain import invitations, members
from accounts.domain.permissions import GIVEN, Action
from accounts.models import Invitation, MemberRole, Membership

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ROLES: Mapping[MemberRole, StrOrPromise] = {
    MemberRole.OWNER: _("Owner: everything, members and settings too"),
    MemberRole.MANAGER: _("Manager: campaigns and rewards"),
    MemberRole.DEVELOPER: _("Developer: OAuth apps, webhooks and deliveries"),
    MemberRole.SUPPORT: _("Support: looks up viewers and sends their claims again"),
    MemberRole.ANALYST: _("Analyst: sees campaigns and figures, and no viewer"),
    MemberRole.MEMBER: _("Member: sees everything and changes nothing (no longer given)"),
}


class RoleForm(VerbForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:  # those who may only look have a form without fields
            offered = {*GIVEN, self.initial.get("role")}
            choices = [(role.value, words) for role, words in ROLES.items() if role in offered]
            field = cast("forms.ChoiceField", self.fields["role"])
            field.choices = choices if self.instance.pk else [("", _("Choose a role")), *choices]


class MembershipForm(RoleForm):
    class Meta:
        model = Membership
        fields = ("role",)


class InvitationForm(RoleForm):
    """Nobody is looked up: the form does not tell whether there is such an account."""

    class Meta:
        model = Invitation
        fields = ("invited", "role")
        labels = {"invited": _("Username or email address")}
        help_texts = {
            "invited": _(
                "The person gets an email. Its link is valid for 14 days, for people with or without an account. A "
                "username also finds the invitation under Settings, Organizations. Members need a second factor."
            ),
        }


def _is_own(request: HttpRequest, membership: Membership | None) -> bool:
    """The domain refuses changes of one's own membership: the page does not offer them."""
    return membership is not None and membership.user_id == request.user.pk


@admin.register(Membership, site=site)
class MembershipAdmin(OrganizationAdmin):
    see = Action.SEE_MEMBERS
    change = Action.CHANGE_MEMBERS
    route = "members"
    label = _("Members")
    noun = _("member")
    icon = "users"
    order = 90
    lede = _(
        "Owners invite people and can remove anybody but themselves. You leave under Settings, Organizations."
    )
    form = MembershipForm
    delete_label = _("Remove")
    delete_act = members.REMOVE
    delete_question = _(
        "The member loses access immediately. What they created stays, and the audit log keeps their actions."
    )
    may_edit = may_delete = True
    list_display = ("user", "role", "created_at")
    search_fields = ("user__username",)
    search_help_text = _("Username")
    in_search = True
    ordering = ("user__username",)
    sortable_by = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user")

    fields = ("user", "role")
    readonly_fields = ("user",)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_own(request, obj)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        role = MemberRole(form.cleaned_data["role"])
        members.change_role(membership=obj, role=role, now=timezone.now(), actor=member(request))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove_member(membership=obj, now=timezone.now(), actor=member(request))


@admin.register(Invitation, site=site)
class InvitationAdmin(OrganizationAdmin):
    see = Action.SEE_MEMBERS
    change = Action.CHANGE_MEMBERS
    route = "invitations"
    label = _("Invitations")
    noun = _("invitation")
    icon = "mail"
    order = 95
    lede = _("People who have not answered yet. Nobody becomes a member without accepting.")
    empty_text = _("Invite a colleague by username or email address.")
    form = InvitationForm
    fields = ("invited", "role")
    delete_label = _("Take back")
    delete_question = _("The person can no longer accept the invitation.")
    may_add = may_delete = True
    list_display = ("invited", "role", "created_at", "expires_at")
    ordering = ("-created_at",)
    sortable_by = ("invited",)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        obj.pk = invitations.invite(
            organization=active_organization(request),
            invited=form.cleaned_data["invited"],
            role=MemberRole(form.cleaned_data["role"]),
            now=timezone.now(),
            actor=member(request),
        ).pk

    def delete_model(self, request: HttpRequest, obj: Invitation) -> None:
        invitations.take_back(invitation=obj, now=timezone.now(), actor=member(request))

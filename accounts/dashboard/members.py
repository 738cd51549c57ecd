from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, member
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.dashboard.kit.sites import site
from accounts.domain import members
from accounts.domain.permissions import Action
from accounts.models import MemberRole, Membership, User


class MembershipForm(VerbForm):
    """A new member is named by username: nobody's address is looked up here."""

    username = forms.CharField(
        label=_("Username"),
        max_length=25,
        help_text=_("The account must have two-factor authentication turned on."),
    )

    class Meta:
        model = Membership
        fields = ("role",)
        help_texts = {
            "role": _("Owners can change everything. Members can see everything and take part in test mode.")
        }

    def clean_username(self) -> User:
        username = self.cleaned_data["username"]
        user = User.objects.filter(username__iexact=username, is_active=True).first()
        if user is None:
            raise ValidationError(
                _("There is no account named “%(username)s”. Check the spelling.") % {"username": username}
            )
        return user


@admin.register(Membership, site=site)
class MembershipAdmin(OrganizationAdmin):
    see = Action.SEE_MEMBERS
    change = Action.CHANGE_MEMBERS
    route = "members"
    label = _("Members")
    noun = _("member")
    icon = "users"
    order = 90
    lede = _("Owners can add and remove anybody but themselves. Every member signs in with a second factor.")
    form = MembershipForm
    delete_label = _("Remove")
    delete_question = _(
        "The member loses access immediately. What they created stays, and the audit log keeps their actions."
    )
    may_add = may_edit = may_delete = True
    list_display = ("user", "role", "created_at")
    ordering = ("user__username",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("user")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("username", "role") if obj is None else ("user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("user",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        if change:
            del form.base_fields["username"]
        return form

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        actor, now = member(request), timezone.now()
        role = MemberRole(form.cleaned_data["role"])
        if change:
            members.change_role(membership=obj, role=role, now=now, actor=actor)
            return
        user = form.cleaned_data["username"]
        created = members.add_member(
            organization=active_organization(request), user=user, role=role, now=now, actor=actor
        )
        obj.pk, obj.user = created.pk, user

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove_member(membership=obj, now=timezone.now(), actor=member(request))

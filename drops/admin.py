"""What platform operators see of categories, channels and campaigns at /admin/."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin import OperatorAdmin, operator
from accounts.admin_base import VerbForm
from drops.domain.campaigns import lifecycle
from drops.domain.catalogue import categories
from drops.models import Campaign, Category, Channel


class CategoryForm(VerbForm):
    new_image = forms.FileField(label=_("Picture"), required=False)

    class Meta:
        model = Category
        fields = ("name", "slug", "organization")


@admin.register(Category)
class CategoryAdmin(OperatorAdmin):
    form = CategoryForm
    may_add = may_edit = True
    list_display = ("name", "slug", "organization")
    list_select_related = ("organization",)
    search_fields = ("name", "slug", "organization__name")
    fields = ("name", "slug", "organization", "new_image")
    prepopulated_fields = {"slug": ("name",)}

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        fields = form.cleaned_data
        plan = {
            "name": fields["name"],
            "slug": fields["slug"],
            "organization": fields["organization"],
            "image": fields["new_image"],
            "now": timezone.now(),
            "actor": operator(request),
        }
        if change:
            categories.change_category(category=obj, **plan)
        else:
            obj.pk = categories.create_category(**plan).pk


@admin.register(Channel)
class ChannelAdmin(OperatorAdmin):
    list_display = ("slug", "owner", "opted_out_at")
    list_select_related = ("owner",)
    search_fields = ("slug", "owner__username")


@admin.register(Campaign)
class CampaignAdmin(OperatorAdmin):
    list_display = (
        "name",
        "organization",
        "category",
        "starts_at",
        "ends_at",
        "published_at",
        "withdrawn_at",
    )
    list_select_related = ("organization", "category")
    search_fields = ("name", "organization__name")
    date_hierarchy = "starts_at"
    actions = ("withdraw",)

    @admin.action(description=_("Withdraw (what was earned stays claimable)"), permissions=["decide"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Campaign]) -> None:
        now, actor = timezone.now(), operator(request)
        self.each(
            request,
            queryset,
            lambda row: lifecycle.withdraw_campaign(campaign=row, now=now, actor=actor),
            _("%(count)d withdrawn."),
        )

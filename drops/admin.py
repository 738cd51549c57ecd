"""What platform operators see of categories, channels and campaigns at /admin/."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.admin import OperatorAdmin, operator
from accounts.admin.verbs import OperatorVerb, Order
from accounts.admin_base import VerbForm
from accounts.models import Organization, OrganizationState
from drops.domain.campaigns import lifecycle
from drops.domain.campaigns.consequences import of_withdrawing
from drops.domain.catalogue import categories, channels, merging
from drops.domain.watch import network_groups
from drops.domain.watch.figures import totals
from drops.models import Campaign, Category, Channel, NetworkDay

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class CategoryForm(VerbForm):
    new_image = forms.FileField(label=_("Picture"), required=False)

    class Meta:
        model = Category
        fields = ("name", "slug", "organization")


def take(_admin: OperatorAdmin, _request: HttpRequest, category: Category, order: Order) -> None:
    categories.take_category(category=category, **order._asdict())


TAKE = OperatorVerb(
    name="take",
    label=_("Take from its organization"),
    question=_("Nobody claims the category from then on. You can give it to another organization."),
    run=take,
    done=_("Claimed by nobody now: %(rows)s."),
    why_not=categories.why_not_take,
    consequences=categories.of_taking,
)


def transfer(
    _admin: OperatorAdmin,
    _request: HttpRequest,
    category: Category,
    order: Order,
    *,
    organization: Organization,
) -> None:
    categories.transfer_category(category=category, organization=organization, **order._asdict())


def merge(
    _admin: OperatorAdmin, _request: HttpRequest, category: Category, order: Order, *, into: Category
) -> None:
    merging.merge_categories(category=category, into=into, **order._asdict())


TRANSFER = OperatorVerb(
    name="transfer",
    label=_("Transfer to another organization"),
    question=_(
        "Another organization claims the category from then on. Both read the reason in their audit logs."
    ),
    run=transfer,
    done=_("Transferred: %(rows)s."),
    why_not=categories.why_not_take,
    consequences=categories.of_transferring,
    fields=lambda category: {
        "organization": forms.ModelChoiceField(
            Organization.objects.filter(OrganizationState.ACTIVE.of())
            .exclude(pk=category.organization_id)
            .order_by("name"),
            label=_("New organization"),
        )
    },
    for_lists=False,
)
MERGE = OperatorVerb(
    name="merge",
    label=_("Merge into another"),
    question=_(
        "For a game that was entered twice. Everything of this category belongs to the other one then."
    ),
    run=merge,
    done=_("Merged: %(rows)s."),
    why_not=merging.why_not_merge,
    consequences=merging.of_merging,
    fields=lambda category: {
        "into": forms.ModelChoiceField(
            Category.objects.exclude(pk=category.pk).order_by("name"), label=_("Category that stays")
        )
    },
    for_lists=False,
)


@admin.register(Category)
class CategoryAdmin(OperatorAdmin):
    form = CategoryForm
    may_add = may_edit = True
    list_display = ("name", "slug", "organization", "merged_into")
    list_select_related = ("organization", "merged_into")
    sortable_by = ("name", "slug")
    search_fields = ("name", "slug", "organization__name")
    fields = ("name", "slug", "organization", "new_image")
    prepopulated_fields = {"slug": ("name",)}
    verbs = (TAKE, TRANSFER, MERGE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return Category.every.order_by("name")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that was merged stays as it is."""
        return super().has_change_permission(request, obj) and (obj is None or obj.merged_into_id is None)

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:
        """Whose it is, it stays until it is taken, with a reason."""
        return ("organization",) if obj is not None and obj.organization_id else ()

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        fields = form.cleaned_data
        plan = {
            "name": fields["name"],
            "slug": fields["slug"],
            "organization": fields.get("organization", obj.organization),
            "image": fields["new_image"],
            "now": timezone.now(),
            "actor": operator(request),
        }
        if change:
            categories.change_category(category=obj, **plan)
        else:
            obj.pk = categories.create_category(**plan).pk


def rename(
    _admin: OperatorAdmin, _request: HttpRequest, channel: Channel, order: Order, *, slug: str
) -> None:
    channels.rename_channel(channel=channel, slug=slug, **order._asdict())


RENAME = OperatorVerb(
    name="rename",
    label=_("Rename"),
    question=_("The channel gets another address. Streamers cannot change it themselves."),
    run=rename,
    done=_("Renamed: %(rows)s."),
    why_not=channels.why_not_rename,
    consequences=channels.of_renaming,
    fields=lambda _channel: {
        "slug": forms.CharField(
            label=_("New address"),
            max_length=50,
            help_text=_("Lower-case letters, digits, - and _."),
            widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        )
    },
    for_lists=False,
)


@admin.register(Channel)
class ChannelAdmin(OperatorAdmin):
    verbs = (RENAME,)
    list_display = ("slug", "owner", "opted_out_at")
    sortable_by = ("slug",)
    sorts = (("slug", Lower("slug")),)
    list_select_related = ("owner",)
    search_fields = ("slug", "owner__username")


def withdraw(_admin: OperatorAdmin, _request: HttpRequest, campaign: Campaign, order: Order) -> None:
    lifecycle.withdraw_campaign(campaign=campaign, **order._asdict())


WITHDRAW = OperatorVerb(
    name="withdraw",
    label=_("Withdraw"),
    question=_("Viewers earn nothing more in the campaign. It cannot be published again."),
    run=withdraw,
    done=_("Withdrawn: %(rows)s."),
    why_not=lifecycle.why_not_withdraw,
    consequences=lambda campaign, now: of_withdrawing(campaign, now=now),
    people=lambda campaign: totals([campaign])[campaign.pk].viewers,
)


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
    verbs = (WITHDRAW,)


class CampaignFilter(admin.SimpleListFilter):
    """By a campaign: the channels and days that counted for it. Offered are those of the days that are kept."""

    title = _("campaign")
    parameter_name = "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        now = timezone.now()
        kept = now - timedelta(days=settings.WATCH_NETWORK_DAYS)
        campaigns = Campaign.objects.filter(published_at__lte=now, starts_at__lte=now, ends_at__gt=kept)
        return [
            (campaign.pk, f"{campaign.name} ({campaign.organization})")
            for campaign in campaigns.select_related("organization").order_by("name")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[NetworkDay]) -> QuerySet[NetworkDay]:
        chosen = self.value()
        if chosen not in dict(self.lookup_choices):
            return queryset
        return queryset.filter(network_groups.counted_for(Campaign(pk=chosen)))


@admin.register(NetworkDay)
class NetworkDayAdmin(OperatorAdmin):
    """Where many viewers of one channel come from one network: a school, a mobile carrier, or a farm."""

    list_display = ("channel", "day", "group", "viewers", "share")
    list_display_links = None
    list_filter = (CampaignFilter,)
    list_select_related = ("channel",)
    search_fields = ("channel__slug",)
    date_hierarchy = "day"
    ordering = ("-viewers",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[NetworkDay]:
        return network_groups.groups()

    @admin.display(description=_("network"), ordering="network")
    def group(self, row: NetworkDay) -> SafeString:
        """Leads to the same network's other rows."""
        return format_html('<a href="?network={}">{}</a>', row.network, row.group)

    @admin.display(description=_("share of the channel's viewers"))
    def share(self, row: Any) -> str:
        return f"{network_groups.share(row.viewers, row.total)}%"

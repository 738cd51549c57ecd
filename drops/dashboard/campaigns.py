from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import active_organization, member
from accounts.dashboard.kit.consequences import ask_first
from accounts.dashboard.kit.display import badge
from accounts.dashboard.kit.objects import OrganizationInline
from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY
from config import zones
from drops.dashboard.categories import OfCategoryAdmin
from drops.dashboard.filters import ArchivedFilter
from drops.dashboard.forms import (
    MOVE,
    CampaignForm,
    CampaignRewardForm,
    CampaignRewardFormSet,
    DatesForm,
    RewardSelect,
    move_row,
)
from drops.domain.campaigns import allow_lists, archiving, consequences, lifecycle
from drops.domain.campaigns.plans import CampaignPlan
from drops.models import Campaign, CampaignPhase, CampaignReward
from drops.models.campaigns import MAX_REWARDS

PHASE_TONES = {
    CampaignPhase.DRAFT: "",
    CampaignPhase.SCHEDULED: "info",
    CampaignPhase.ANNOUNCED: "info",
    CampaignPhase.LIVE: "live",
    CampaignPhase.GRACE: "wait",
    CampaignPhase.CLOSED: "",
    CampaignPhase.WITHDRAWN: "bad",
}


class CampaignRewardInline(OrganizationInline):
    change = Action.CHANGE_CAMPAIGNS
    model = CampaignReward
    form = CampaignRewardForm
    formset = CampaignRewardFormSet
    fields = ("reward", "required_minutes", "position")
    extra = 1
    max_num = MAX_REWARDS
    verbose_name_plural = _("rewards")
    template = "dashboard/campaign_rewards.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("reward")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        # However many rows a request claims to send, no more are drawn than `move_row` moves.
        formset: Any = super().get_formset(request, obj, absolute_max=10 * MAX_REWARDS, **kwargs)
        formset.organization = active_organization(request)
        return formset

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["widget"] = RewardSelect()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Rewards in use, and archived ones that this campaign has already."""
        rows = super().get_field_queryset(db, db_field, request)
        attached = Q(campaign_rewards__campaign=_campaign_id(request))
        return rows.filter(Q(archived_at__isnull=True) | attached).order_by("name").distinct()


def _campaign_id(request: HttpRequest) -> str | None:
    return request.resolver_match.kwargs.get("object_id") if request.resolver_match else None


class PhaseFilter(admin.SimpleListFilter):
    title = _("phase")
    parameter_name = "phase"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(phase.value, str(phase.label)) for phase in CampaignPhase]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value()
        return queryset.filter(phase_now=chosen) if chosen in CampaignPhase.values else queryset


def publish(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    lifecycle.publish_campaign(campaign=campaign, now=timezone.now(), actor=member(request))


def withdraw(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    lifecycle.withdraw_campaign(campaign=campaign, now=timezone.now(), actor=member(request))


def end(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    lifecycle.end_campaign(campaign=campaign, now=timezone.now(), actor=member(request))


def archive(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    archiving.archive_campaign(campaign=campaign, now=timezone.now(), actor=member(request))


def restore(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    archiving.restore_campaign(campaign=campaign, now=timezone.now(), actor=member(request))


def cancel_publication(model_admin: CampaignAdmin, request: HttpRequest, campaign: Campaign) -> None:
    lifecycle.amend_campaign(
        campaign=campaign, changes={"publish_at": None}, now=timezone.now(), actor=member(request)
    )


@admin.register(Campaign, site=site)
class CampaignAdmin(OfCategoryAdmin):
    see = Action.SEE_CAMPAIGNS
    change = Action.CHANGE_CAMPAIGNS
    route = "campaigns"
    label = _("Campaigns")
    noun = _("campaign")
    icon = "calendar"
    order = 10
    lede = _("Viewers watch streams and earn your rewards.")
    empty_text = _(
        "Plan your first campaign: its dates, its rewards and the minutes that earn them. "
        "Viewers see the campaign once you publish it."
    )
    form = CampaignForm
    change_list_template = "dashboard/campaigns.html"
    inlines = (CampaignRewardInline,)
    fieldsets = (
        (None, {"fields": ("name", "category", "info_url")}),
        (
            _("Dates"),
            {
                "fields": ("starts_at", "ends_at", "announcement_days", "grace_days", "publish_at", "zone"),
                "classes": ("dates",),
            },
        ),
        (
            _("Participating channels"),
            {
                "fields": ("channels", "add_channel", "channels_file", "leave_out_unknown", "test_mode"),
                "classes": ("channels",),
            },
        ),
    )
    change_form_template = add_form_template = "dashboard/campaign_form.html"
    takes_pictures = False
    may_add = may_edit = may_delete = True
    list_display = ("name", "phase", "category", "starts_at", "ends_at")
    list_filter = (ArchivedFilter, PhaseFilter, ("category", OwnRelatedFilter))
    search_fields = ("name",)
    in_search = True
    search_help_text = _("Name")
    ordering = ("-starts_at", "-id")
    sortable_by = ("name", "starts_at", "ends_at")
    verbs = (
        Verb(
            name="publish",
            label=_("Publish"),
            question=(
                _(
                    "%(object)s is announced, starts and ends on its dates. Once it has started, you cannot take "
                    "back anything that you promised to viewers."
                )
            ),
            done=_("“%(object)s” was published."),
            run=publish,
            why_not=lifecycle.why_not_publish,
            tone="good",
            consequences=lambda campaign, now: consequences.of_publishing(campaign, now=now),
        ),
        Verb(
            name="cancel_publication",
            label=_("Do not publish by itself"),
            question=_("%(object)s stays a draft until you publish it."),
            done=_("“%(object)s” stays a draft until you publish it."),
            run=cancel_publication,
            why_not=lambda campaign, _now: "" if campaign.publish_at else ALREADY,
        ),
        Verb(
            name="end",
            label=_("End now"),
            question=_(
                "%(object)s ends now instead of on its date, and its grace period begins. Viewers still find it, and "
                "claim what they have earned. This cannot be undone."
            ),
            done=_("“%(object)s” has ended. Its grace period has begun."),
            run=end,
            why_not=lifecycle.why_not_end,
            action=Action.WITHDRAW_CAMPAIGNS,
            tone="danger",
            act=lifecycle.END,
            consequences=lambda campaign, now: consequences.of_ending(campaign, now=now),
        ),
        Verb(
            name="withdraw",
            label=_("Withdraw"),
            question=(
                _(
                    "%(object)s stops. Viewers earn nothing more and no longer find it. They can claim what they "
                    "have earned until the campaign closes. This cannot be undone."
                )
            ),
            done=_("“%(object)s” was withdrawn."),
            run=withdraw,
            why_not=lifecycle.why_not_withdraw,
            action=Action.WITHDRAW_CAMPAIGNS,
            tone="danger",
            act=lifecycle.WITHDRAW,
            consequences=lambda campaign, now: consequences.of_withdrawing(campaign, now=now),
        ),
        Verb(
            name="archive",
            label=_("Archive"),
            question=_(
                "%(object)s is no longer in the list, unless you filter for what is archived. Nothing changes for "
                "viewers."
            ),
            done=_("“%(object)s” was archived."),
            run=archive,
            why_not=archiving.why_not_archive,
        ),
        Verb(
            name="restore",
            label=_("Restore"),
            question=_("%(object)s is in the list again."),
            done=_("“%(object)s” is in the list again."),
            run=restore,
            why_not=archiving.why_not_restore,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request).select_related("organization", "category")
        annotated: QuerySet[Any] = rows.with_phase(timezone.now())
        return annotated

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_delete = super().has_delete_permission(request, obj)
        return may_delete and (obj is None or not lifecycle.why_not_delete(obj, timezone.now()))

    def url_of(self, obj: Campaign) -> str:
        return reverse("dashboard:campaign_overview", args=(quote(obj.pk),))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if MOVE in request.POST:
            cast("Any", request).POST = move_row(request.POST, "campaign_rewards")
        return super().changeform_view(request, *args, **kwargs)

    def before_write(self, request: HttpRequest) -> None:
        super().before_write(request)
        if MOVE in request.POST:
            raise ValidationError(_("The order is changed in the form. Save it to keep it."))

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """The rewards, which come with the form, are part of the plan: `save_related` has them all."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        now, actor = timezone.now(), member(request)
        if change:
            changes = form.changes()
            if formsets[0].has_changed():
                changes["rewards"] = formsets[0].plans()
            ask_first(
                request, consequences.of_change(Campaign.objects.get(pk=form.instance.pk), changes, now=now)
            )
            lifecycle.amend_campaign(campaign=form.instance, changes=changes, now=now, actor=actor)
            listed = "channels" in changes
        else:
            plan = CampaignPlan(**form.plan_values(), rewards=formsets[0].plans())
            organization = active_organization(request)
            created = lifecycle.create_campaign(organization=organization, plan=plan, now=now, actor=actor)
            form.instance.pk = created.pk
            listed = True
        if listed and (summary := form.summary()):
            messages.info(request, _("Allow-list: %(counts)s.") % {"counts": summary})

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        lifecycle.delete_draft(campaign=obj, now=timezone.now(), actor=member(request))

    @admin.display(description=_("announced, days before the start"))
    def announcement_days(self, campaign: Campaign) -> int:
        return campaign.announcement_days

    @admin.display(description=_("grace period, days after the end"))
    def grace_days(self, campaign: Campaign) -> int:
        return campaign.grace_days

    @admin.display(description=_("allow-list"))
    def channels(self, campaign: Campaign) -> str:
        slugs = campaign.allowed_channels.values_list("channel__slug", flat=True)
        return ", ".join(slugs) or str(_("every channel"))

    @admin.display(description=_("phase"))
    def phase(self, campaign: Any) -> str:
        phase = CampaignPhase(campaign.phase_now)
        shown = badge(phase.label, PHASE_TONES[phase])
        if not campaign.publish_at:
            return shown
        when = _("to be published on %(when)s") % {"when": zones.words(campaign.publish_at)}
        return format_html('{} <span class="muted small">{}</span>', shown, when)


@site.page("campaigns/dates/", name="new_campaign_dates", action=Action.CHANGE_CAMPAIGNS)
def new_dates(request: HttpRequest) -> HttpResponse:
    return _dates(request, None)


@site.page("campaigns/<path:object_id>/dates/", name="campaign_dates", action=Action.CHANGE_CAMPAIGNS)
def dates(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    return _dates(request, campaign)


def _dates(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    """The part of the form that has the dates, as it is after what is typed in it: nothing is saved."""
    form = DatesForm(request.GET)
    if campaign is not None:
        for field in form.fields.values():
            field.show_hidden_initial = True
    form.draw_dates(campaign)
    form.draw_only()
    context = {"form": form, "original": campaign, "zone_name": zones.name_of(zones.current())}
    return render(request, "dashboard/campaign_dates.html", context)


@site.page("campaigns/channels/", name="find_channels", action=Action.CHANGE_CAMPAIGNS)
def find_channels(request: HttpRequest) -> HttpResponse:
    """Options for the name of a channel that somebody begins to type."""
    typed = request.GET.get("add_channel", "")[:200]
    return render(
        request,
        "dashboard/channel_options.html",
        {"channels": allow_lists.channels_beginning_with(typed) if typed.strip() else []},
    )

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy as _

from accounts.admin_base import VerbForm
from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.forms import picture_field
from accounts.dashboard.kit.scoping import OwnRelatedFilter
from accounts.dashboard.kit.sites import site
from accounts.dashboard.kit.verbs import Verb
from accounts.domain.permissions import Action
from accounts.models import OrganizationState
from drops.dashboard.categories import OfCategoryAdmin
from drops.dashboard.filters import ArchivedFilter
from drops.domain.catalogue import rewards
from drops.models import CampaignReward, Reward


def is_promised(reward: Reward) -> bool:
    return not reward._state.adding and bool(rewards.promised_in(reward, now=timezone.now()))


class RewardForm(VerbForm):
    new_image = picture_field(_("Picture"))
    confirmed = forms.BooleanField(
        label=_("Change it for viewers who were promised it"),
        required=False,
        help_text=_(
            "Viewers who are watching for the reward, and those who have claimed it, see the change."
        ),
    )
    renamed = {"image": "new_image"}

    class Meta:
        model = Reward
        fields = ("name", "category", "external_id")
        help_texts = {
            "category": _(
                "The game that the reward belongs to. While your organization waits for approval, it can be one that "
                "you asked for. Ask the platform's operators for more games."
            ),
            "external_id": _("Your own name for the item. Drops sends it with every claim."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_promised(self.instance):
            del self.fields["confirmed"]
            return
        for name in rewards.fixed_fields(self.instance):
            if name in self.fields:  # those who may only look have a form without fields
                self.fields[name].disabled = True


def _without_a_game(request: HttpRequest) -> str:
    """Why no reward can be created, and where its game is asked for."""
    waits = active_organization(request).state is OrganizationState.WAITING
    if not waits:
        return gettext(
            "Every reward belongs to a game, and none is assigned to your organization. Ask the platform's "
            "operators for it. Until then you cannot create a reward."
        )
    if not may(request, Action.CHANGE_SETTINGS):
        return gettext(
            "Every reward belongs to a game. An owner names your games in the settings. You can choose one here as "
            "soon as it is on the platform. Until then you cannot create a reward."
        )
    return format_html(
        gettext(
            'Every reward belongs to a game. Name your games in the <a href="{}">settings</a>. You can choose one '
            "here as soon as it is on the platform. Until then you cannot create a reward."
        ),
        reverse("dashboard:settings"),
    )


# Campaigns that the page of a reward names.
MOST_CAMPAIGNS = 50


def archive(model_admin: RewardAdmin, request: HttpRequest, reward: Reward) -> None:
    rewards.archive_reward(reward=reward, now=timezone.now(), actor=member(request))


def restore(model_admin: RewardAdmin, request: HttpRequest, reward: Reward) -> None:
    rewards.restore_reward(reward=reward, now=timezone.now(), actor=member(request))


@admin.register(Reward, site=site)
class RewardAdmin(OfCategoryAdmin):
    see = Action.SEE_CAMPAIGNS
    change = Action.CHANGE_REWARDS
    route = "rewards"
    label = _("Rewards")
    noun = _("reward")
    icon = "gift"
    order = 20
    lede = _(
        "Rewards are items of your game. Create a reward once and attach it to as many campaigns as you like."
    )
    empty_text = _(
        "Create your first reward with a name, a picture and a game. Then attach it to a campaign."
    )
    form = RewardForm
    may_add = may_edit = True
    list_display = ("picture", "name", "category", "external_id", "campaigns", "created_at")
    sortable_by = ("name", "created_at")
    sorts = (("created_at", "id"),)
    list_display_links = ("name",)
    list_filter = (ArchivedFilter, ("category", OwnRelatedFilter))
    search_fields = ("name", "external_id")
    in_search = True
    search_help_text = _("Name or external ID")
    change_form_template = "dashboard/reward.html"
    verbs = (
        Verb(
            name="archive",
            label=_("Archive"),
            question=_("%(object)s can no longer be attached to campaigns. Its claims stay."),
            done=_("“%(object)s” was archived."),
            run=archive,
            why_not=rewards.why_not_archive,
        ),
        Verb(
            name="restore",
            label=_("Restore"),
            question=_("%(object)s can be attached to campaigns again."),
            done=_("“%(object)s” is back in use."),
            run=restore,
            why_not=rewards.why_not_restore,
        ),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        category = form.base_fields.get("category")
        if category and not category.queryset.exists():
            category.help_text = _without_a_game(request)
        return form

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Counted for the rows of a page alone: a join would group every reward there is.
        campaigns = CampaignReward.objects.filter(reward=OuterRef("pk")).order_by().values("reward")
        counted = Coalesce(Subquery(campaigns.values_list(Count("pk"))), 0)
        rows: Any = super().get_queryset(request).select_related("category")
        found: QuerySet[Any] = rows.annotate(campaign_count=counted)
        return found

    def get_fields(self, request: HttpRequest, obj: Reward | None = None) -> tuple[str, ...]:
        fields = ("name", "category", "external_id", "new_image")
        return (*fields, "confirmed") if obj is not None and is_promised(obj) else fields

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        if (reward := kwargs.get("obj")) is not None:
            now = timezone.now()
            attached = reward.campaign_rewards.select_related("campaign").order_by(
                "-campaign__starts_at", "-pk"
            )
            shown = list(attached[: MOST_CAMPAIGNS + 1])
            context["used_in"] = [(entry, entry.campaign.phase(now)) for entry in shown[:MOST_CAMPAIGNS]]
            context["used_in_more"] = len(shown) > MOST_CAMPAIGNS
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Reward, form: Any, change: bool) -> None:
        now, actor = timezone.now(), member(request)
        fields = form.changes() if change else dict(form.cleaned_data)
        confirmed = bool(fields.pop("confirmed", False))
        if "new_image" in fields:
            fields["image"] = fields.pop("new_image")
        if change:
            rewards.amend_reward(reward=obj, changes=fields, now=now, actor=actor, confirmed=confirmed)
        else:
            organization = active_organization(request)
            obj.pk = rewards.create_reward(organization=organization, now=now, actor=actor, **fields).pk

        reward = Reward.objects.get(pk=obj.pk)
        if other := rewards.with_the_same_external_id(reward):
            messages.warning(
                request,
                _("“%(other)s” has the same external ID: %(id)s.")
                % {"other": other, "id": reward.external_id},
            )

    @admin.display(description=_("picture"))
    def picture(self, reward: Reward) -> str:
        return render_to_string("drops/parts/reward_image.html", {"reward": reward}) if reward.image else ""

    @admin.display(description=_("campaigns"))
    def campaigns(self, reward: Any) -> int:
        return int(reward.campaign_count)

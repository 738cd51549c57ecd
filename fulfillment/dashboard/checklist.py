"""The checklist of a campaign, each line with the page that mends it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import may, member, recheck
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.models import Organization
from config import zones
from drops.domain.campaigns.midnight import start_at_midnight_of
from drops.models import Campaign
from fulfillment.domain.preflight import preflight
from fulfillment.models import WebhookEndpoint

TONES = {"error": "bad", "warning": "wait", "good": "good"}


@site.page("campaigns/<path:object_id>/checklist/", name="campaign_checklist", action=Action.SEE_CAMPAIGNS)
def campaign_checklist(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    sees_set_up = may(request, Action.SEE_SETUP)
    lines = [
        (check, TONES[check.level.value], _page_of(request, check.about))
        for check in preflight(campaign, now=timezone.now(), zone=zones.current())
        if sees_set_up or not isinstance(check.about, WebhookEndpoint)
    ]
    context = {
        **site.each_context(request),
        "title": _("Checklist of %(campaign)s") % {"campaign": campaign},
        "campaign": campaign,
        "lines": lines,
        "hidden": not sees_set_up,
        "list_url": site.admin_of(Campaign).url("changelist"),
        "overview_url": reverse("dashboard:campaign_overview", args=[quote(campaign.pk)]),
    }
    return render(request, "dashboard/checklist.html", context)


@site.page("campaigns/<path:object_id>/midnight/", name="campaign_midnight", action=Action.CHANGE_CAMPAIGNS)
def campaign_midnight(request: HttpRequest, object_id: str) -> HttpResponse:
    """The button of a line: on POST, the campaign starts at midnight in the person's zone. A GET goes back."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    if request.method == "POST":
        try:
            with transaction.atomic():
                recheck(request, Action.CHANGE_CAMPAIGNS)
                changed = start_at_midnight_of(
                    campaign=campaign, zone=zones.current(), now=timezone.now(), actor=member(request)
                )
        except ValidationError as refusal:
            for text in refusal.messages:
                messages.error(request, text)
        else:
            words = {"campaign": campaign, "start": zones.words(changed.starts_at)}
            messages.success(request, _("“%(campaign)s” starts on %(start)s.") % words)
    return redirect("dashboard:campaign_checklist", quote(campaign.pk))


def _page_of(request: HttpRequest, about: models.Model | type[models.Model]) -> str:
    """Where what the line is about is changed, or made if it is missing; "" for who may do neither."""
    if isinstance(about, Organization):
        return reverse("dashboard:settings") if may(request, Action.SEE_SETUP) else ""
    if isinstance(about, type):
        model_admin: Any = site.admin_of(about)
        return model_admin.url("add") if model_admin.has_add_permission(request) else ""
    model_admin = site.admin_of(type(about))
    may_change = model_admin.has_change_permission(request, about)
    return model_admin.url("change", quote(about.pk)) if may_change else ""

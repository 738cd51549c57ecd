"""Campaigns that are made from others: a copy on other dates, and one as the JSON that the API takes."""

from __future__ import annotations

from typing import Any

import orjson
from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext, gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError

from accounts.dashboard.kit.access import active_organization, member, recheck
from accounts.dashboard.kit.moments import MomentField, ZoneForm
from accounts.dashboard.kit.sites import site
from accounts.dashboard.pages import show_refusal
from accounts.domain.permissions import Action
from config import zones
from config.api.envelope import Problems, problems_of
from config.api.parsers import parsed
from drops.api.serializers.managed import ManagedCampaignSerializer
from drops.domain.campaigns.copies import copy_campaign, next_start
from drops.domain.campaigns.lifecycle import create_campaign, problems_of as problems_of_publishing
from drops.domain.campaigns.plans import CampaignPlan
from drops.models import Campaign

# More than the longest plan: twelve rewards, and every channel that an allow-list takes.
MOST_BYTES = 1024 * 1024
TEMPLATES_SHOWN = 50


class CopyForm(ZoneForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    starts_at = MomentField(
        label=_("Start"),
        help_text=_("The announcement, the end and the last day to claim move with the start."),
    )
    field_order = ("name", "starts_at", "zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read_times()


@site.page("campaigns/templates/", name="campaign_templates", action=Action.CHANGE_CAMPAIGNS)
def templates(request: HttpRequest) -> HttpResponse:
    """Every campaign is a template: the newest, or those with a name, each with the page that copies it."""
    model_admin = site.admin_of(Campaign)
    query = request.GET.get("q", "").replace("\0", "").strip()[:100]
    own = model_admin.get_queryset(request).annotate(rewards=Count("campaign_rewards"))
    if query:
        own = own.filter(name__icontains=query)
    context = {
        **site.each_context(request),
        "title": _("New from template"),
        "model_admin": model_admin,
        "list_url": model_admin.url("changelist"),
        "add_url": model_admin.url("add"),
        "query": query,
        "campaigns": own.order_by("-starts_at", "-pk")[:TEMPLATES_SHOWN],
    }
    return render(request, "dashboard/campaign_templates.html", context)


@site.page("campaigns/<path:object_id>/copy/", name="campaign_copy", action=Action.CHANGE_CAMPAIGNS)
def copy(request: HttpRequest, object_id: str) -> HttpResponse:
    """Next week's campaign: the name and the date are filled in, and publishing is the page that follows."""
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    now = timezone.now()
    drawn = {"name": campaign.name, "starts_at": next_start(campaign, now, zones.current())}
    form = CopyForm(request.POST, initial=drawn) if request.method == "POST" else CopyForm(initial=drawn)
    if form.is_valid():
        # The picker knows minutes: a start with seconds keeps them.
        shift = form.cleaned_data["starts_at"] - campaign.starts_at.replace(second=0, microsecond=0)
        try:
            with transaction.atomic():
                recheck(request, Action.CHANGE_CAMPAIGNS)
                made = copy_campaign(
                    campaign=campaign,
                    starts_at=campaign.starts_at + shift,
                    name=form.cleaned_data["name"],
                    now=now,
                    actor=member(request),
                )
        except ValidationError as refusal:
            show_refusal(form, refusal)
        except OverflowError:  # beyond the year 9999
            form.add_error("starts_at", gettext("Choose a year between 2000 and 2100."))
        else:
            messages.success(request, _("“%(name)s” was copied to a draft.") % {"name": campaign})
            ready = not problems_of_publishing(made, now=now)
            return redirect(model_admin.url("publish", quote(made.pk)) if ready else model_admin.url_of(made))
    context = {
        **site.each_context(request),
        "title": _("Copy of %(campaign)s") % {"campaign": campaign},
        "model_admin": model_admin,
        "list_url": model_admin.url("changelist"),
        "campaign": campaign,
        "back": model_admin.url_of(campaign),
        "form": form,
    }
    return render(request, "dashboard/campaign_copy.html", context)


@site.page("campaigns/<path:object_id>/export/", name="campaign_export", action=Action.SEE_CAMPAIGNS)
def export(request: HttpRequest, object_id: str) -> HttpResponse:
    """The body that makes this campaign, for the API or for the page that imports one."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    body = as_body(campaign)
    text = orjson.dumps(body, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    name = slugify(campaign.name)[:60] or "campaign"
    return HttpResponse(
        text,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )


def as_body(campaign: Campaign) -> dict[str, Any]:
    serializer = ManagedCampaignSerializer(campaign, context={"now": timezone.now()})
    written = {str(field.field_name) for field in serializer._writable_fields}
    # Whoever imports it decides anew when it is published.
    return {name: value for name, value in serializer.data.items() if name in written - {"publish_at"}}


class ImportForm(forms.Form):
    file = forms.FileField(
        label=_("File"), required=False, help_text=_("A JSON file. It replaces the text below.")
    )
    text = forms.CharField(
        label=_("JSON"),
        required=False,
        max_length=MOST_BYTES,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "autocapitalize": "none"}),
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > MOST_BYTES:
            raise ValidationError(_("The file is too large to be a campaign."))
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError(_("This is not a text file in UTF-8.")) from None
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if text := cleaned.get("file"):
            cleaned["text"] = text
        if self.errors:
            return cleaned
        try:
            cleaned["body"] = parsed(str(cleaned.get("text", "")).encode())
        except (ParseError, UnicodeEncodeError):
            raise ValidationError(
                _("This is not JSON. Choose a file that was exported, or paste its text.")
            ) from None
        return cleaned


@site.page("campaigns/import/", name="campaign_import", action=Action.CHANGE_CAMPAIGNS)
def import_(request: HttpRequest) -> HttpResponse:
    """A draft from the body that the API takes. What is wrong is said in the API's own words."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        # Shown again, so that what is wrong in a file can be put right in the text.
        form.data = {**form.data, "text": form.cleaned_data["text"]}
    model_admin = site.admin_of(Campaign)
    problems: Problems = {}
    if form.is_valid():
        try:
            made = _make(request, form.cleaned_data["body"])
        except (ValidationError, APIException) as refusal:
            problems = problems_of(refusal)
        else:
            messages.success(request, _("The draft “%(name)s” was created.") % {"name": made})
            return redirect(model_admin.url_of(made))
    context = {
        **site.each_context(request),
        "title": _("Import a campaign"),
        "model_admin": model_admin,
        "list_url": model_admin.url("changelist"),
        "form": form,
        "problems": [(name, text) for name, texts in problems.items() for text in texts],
    }
    return render(request, "dashboard/campaign_import.html", context)


@transaction.atomic
def _make(request: HttpRequest, body: Any) -> Campaign:
    recheck(request, Action.CHANGE_CAMPAIGNS)
    organization = active_organization(request)
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "id"}  # of the one that is copied
    values = ManagedCampaignSerializer(data=body, context={"organization_id": organization.pk}).checked()
    return create_campaign(
        organization=organization, plan=CampaignPlan(**values), now=timezone.now(), actor=member(request)
    )

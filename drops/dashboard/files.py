"""A campaign that its studio keeps as a file: upload it, look at what it changes, apply that."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _
from rest_framework.exceptions import APIException

from accounts.dashboard.kit.access import member, recheck
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.templatetags.dashboard import moment
from config.api.envelope import problems_of
from drops.api.campaign_files import plan_of_body
from drops.api.serializers.managed import ManagedCampaignSerializer
from drops.dashboard.copies import ImportForm
from drops.domain.campaigns import consequences
from drops.domain.campaigns.files import FileChange, FilePlan, OutOfDate, apply_file
from drops.models import Campaign


class Line(NamedTuple):
    """A change as the page tells it."""

    what: str
    before: Any
    after: Any
    refused: str


@site.page("campaigns/<path:object_id>/file/", name="campaign_file", action=Action.CHANGE_CAMPAIGNS)
def campaign_file(request: HttpRequest, object_id: str) -> HttpResponse:
    """The file, then its plan with a button that applies it. What is applied is what was looked at."""
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    plan, final = None, []
    if form.is_valid():
        form.data = {**form.data, "text": form.cleaned_data["text"]}
        body, now = form.cleaned_data["body"], timezone.now()
        if version := request.POST.get("version", ""):
            try:
                _apply(request, campaign, body, version, now)
            except OutOfDate:
                text = _(
                    "The campaign is no longer as this plan found it. Nothing was changed. Look at it again."
                )
                messages.error(request, text)
            except ValidationError as refusal:
                messages.error(request, " ".join(refusal.messages))
            else:
                messages.success(request, _("The file was applied to “%(name)s”.") % {"name": campaign})
                return redirect(model_admin.url_of(campaign))
            campaign = model_admin.object_or_404(request, unquote(object_id))
        plan = _plan(request, campaign, body, now)
        if plan.can_be_applied:
            final = consequences.of_change(campaign, _values(campaign, body), now=now)
    context = {
        **site.each_context(request),
        "title": _("Update from a file"),
        "model_admin": model_admin,
        "list_url": model_admin.url("changelist"),
        "back": model_admin.url_of(campaign),
        "campaign": campaign,
        "form": form,
        "plan": plan,
        "lines": [_line(change) for change in plan.changes] if plan else (),
        "consequences": final,
    }
    return render(request, "dashboard/campaign_file.html", context)


def _plan(request: HttpRequest, campaign: Campaign, body: Any, now: datetime) -> FilePlan:
    if isinstance(body, dict) and "id" in body:
        if body["id"] != campaign.pk:
            return FilePlan("", (), [("id", gettext("This is the file of another campaign."))])
        body = _without_id(body)
    return plan_of_body(campaign, body, now=now, actor=member(request))


def _without_id(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "id"} if isinstance(body, dict) else body


def _values(campaign: Campaign, body: Any) -> dict[str, Any]:
    context = {"organization_id": campaign.organization_id}
    return ManagedCampaignSerializer(data=_without_id(body), partial=True, context=context).checked()


@transaction.atomic
def _apply(request: HttpRequest, campaign: Campaign, body: Any, version: str, now: datetime) -> None:
    recheck(request, Action.CHANGE_CAMPAIGNS)
    if isinstance(body, dict) and body.get("id", campaign.pk) != campaign.pk:
        raise OutOfDate
    try:
        values = _values(campaign, body)
    except APIException as error:  # a reward or a channel that was there when the plan was made
        raise ValidationError([text for texts in problems_of(error).values() for text in texts]) from None
    apply_file(campaign=campaign, wanted=values, version=version, now=now, actor=member(request))


def _line(change: FileChange) -> Line:
    what = change.field
    before, after = change.before, change.after
    if change.field == "rewards" and change.about:
        before, after = (_minutes(value) for value in (before, after))
    elif change.field == "rewards":
        before, after = (", ".join(names) for names in (before, after))
    elif change.field == "channels":
        before, after = (gettext("listed") if value else gettext("not listed") for value in (before, after))
    return Line(
        f"{what}: {change.about}" if change.about else what, _text(before), _text(after), change.refused
    )


def _minutes(value: int | None) -> str:
    return gettext("not attached") if value is None else gettext("%(minutes)d min") % {"minutes": value}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return gettext("none") if value in (None, "") else value

"""What a launch is likely to bring, beside what the endpoint answers at that rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, gettext_lazy

from accounts.dashboard.kit.access import may, member, recheck, require
from accounts.dashboard.kit.sites import site
from accounts.domain.permissions import Action
from accounts.models import parse_ulid
from drops.models import Campaign
from fulfillment.dashboard.war_room import endpoint_names
from fulfillment.domain.analytics.forecast import Launch, launches_before
from fulfillment.domain.load_rehearsals.reading import Report, Verdict, last_runs
from fulfillment.domain.load_rehearsals.starting import (
    MOST_RATE,
    MOST_SECONDS,
    PER_DAY,
    start_load_rehearsal,
    stop_load_rehearsal,
    why_not_fire,
)
from fulfillment.models import LoadEnd, LoadRehearsal, LoadState, WebhookEndpoint

FOLLOWED_EVERY = 1
LIKELY_SECONDS = 10
MOST_VIEWERS, MOST_CLAIMS = 1_000_000_000, 1_000_000
TONES = {Verdict.ENOUGH: "good", Verdict.NOT_ENOUGH: "bad", Verdict.NOT_TRIED: "wait"}
STATE_TONES = {LoadState.DONE: "good", LoadState.STOPPED: "bad"}


class ExpectedForm(forms.Form):
    """What the member expects: as many viewers, where a launch of before tells what viewers claim; otherwise claims a
    second."""

    viewers = forms.IntegerField(
        label=gettext_lazy("Viewers that you expect"), min_value=1, max_value=MOST_VIEWERS, required=False
    )
    claims = forms.FloatField(
        label=gettext_lazy("Claims a second that you expect at the peak"),
        min_value=0.01,
        max_value=MOST_CLAIMS,
        required=False,
    )

    def __init__(self, *args: Any, last: Launch | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["claims" if last and last.viewers else "viewers"]


class LoadForm(forms.Form):
    endpoint = forms.ModelChoiceField(
        label=gettext_lazy("Endpoint"), queryset=WebhookEndpoint.objects.none(), empty_label=None
    )
    rate = forms.IntegerField(
        label=gettext_lazy("Test events a second"),
        min_value=1,
        max_value=MOST_RATE,
        help_text=f"1-{MOST_RATE}",
    )
    seconds = forms.IntegerField(
        label=gettext_lazy("For so many seconds"),
        min_value=1,
        max_value=MOST_SECONDS,
        help_text=f"1-{MOST_SECONDS}",
    )

    def __init__(self, *args: Any, endpoints: Sequence[WebhookEndpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["endpoint"].queryset = WebhookEndpoint.objects.filter(
            pk__in=[endpoint.pk for endpoint in endpoints]
        ).order_by("pk")


class ShownRun(NamedTuple):
    report: Report
    endpoint: str
    tone: str
    why: str


@site.page("campaigns/<path:object_id>/forecast/", name="campaign_forecast", action=Action.SEE_FIGURES)
def campaign_forecast(request: HttpRequest, object_id: str) -> HttpResponse:
    """POST begins a load rehearsal, or with `stop` ends one. `?viewers=` or `?claims=` is what the member expects."""
    campaign: Campaign = site.admin_of(Campaign).object_or_404(request, unquote(object_id))
    page_url = reverse("dashboard:campaign_forecast", args=[quote(campaign.pk)])
    now = timezone.now()
    endpoints = list(campaign.organization.webhook_endpoints.filter(deleted_at=None).order_by("pk"))
    ready = [endpoint for endpoint in endpoints if not why_not_fire(endpoint)]
    launches = launches_before(campaign, now=now)
    last = launches[0] if launches else None
    asked = ExpectedForm(request.GET or None, last=last)
    expected = _expected(asked, last)
    rate = min(MOST_RATE, max(1, math.ceil(expected.peak))) if expected else LIKELY_SECONDS
    form = LoadForm(
        request.POST if "rate" in request.POST else None,
        endpoints=ready,
        initial={"rate": rate, "seconds": LIKELY_SECONDS},
    )
    if request.method == "POST":
        require(request, Action.SEND_TEST_EVENTS)
        if stopped := parse_ulid(request.POST.get("stop", "")):
            _stop(request, campaign, stopped)
            return redirect(request.get_full_path())
        if form.is_valid() and _start(request, form):
            return redirect(request.get_full_path())
    names = endpoint_names(request, campaign)
    runs = [
        ShownRun(
            each,
            names.get(each.run.endpoint_id, _("An endpoint that was deleted")),
            STATE_TONES.get(each.state, "wait"),
            str(LoadEnd(each.why).label) if each.why else "",
        )
        for each in last_runs(campaign.organization, now=now)
    ]
    shown = runs[0] if runs else None
    verdict = _verdict(shown.report, expected) if shown and not shown.report.is_open else None
    context = {
        **site.each_context(request),
        "title": _("Forecast of %(campaign)s") % {"campaign": campaign},
        "campaign": campaign,
        "launches": launches,
        "last": last,
        "asked": asked,
        "expected": expected,
        "form": form,
        "ready": ready,
        "endpoints": endpoints,
        "per_day": PER_DAY,
        "may_fire": may(request, Action.SEND_TEST_EVENTS),
        "runs": runs,
        "shown": shown,
        "verdict": verdict,
        "verdict_tone": TONES[verdict] if verdict else "info",
        "fetch_again_after": FOLLOWED_EVERY if shown and shown.report.is_open else None,
        "own_url": request.get_full_path(),
        "page_url": page_url,
        "list_url": site.admin_of(Campaign).url("changelist"),
        "overview_url": site.admin_of(Campaign).url_of(campaign),
    }
    part_only = request.method == "GET" and bool(getattr(request, "htmx", None))
    return render(request, f"dashboard/forecast{'_now' if part_only else ''}.html", context)


class Expected(NamedTuple):
    """`peak`: claims a second. `launch`: what it is taken from, None where the member typed it."""

    peak: float
    launch: Launch | None


def _expected(asked: ExpectedForm, last: Launch | None) -> Expected | None:
    typed = asked.cleaned_data if asked.is_valid() else {}
    if last is None:
        return Expected(typed["claims"], None) if typed.get("claims") else None
    viewers = typed.get("viewers")
    launch = last.if_watched_by(viewers) if viewers else last
    return Expected(launch.peak, launch)


def _verdict(report: Report, expected: Expected | None) -> Verdict | None:
    return report.verdict(expected.peak) if expected and report.run.sent else None


def _start(request: HttpRequest, form: LoadForm) -> bool:
    try:
        with transaction.atomic():
            recheck(request, Action.SEND_TEST_EVENTS)
            start_load_rehearsal(**form.cleaned_data, actor=member(request), now=timezone.now())
    except ValidationError as refusal:
        form.add_error(None, refusal)
        return False
    return True


def _stop(request: HttpRequest, campaign: Campaign, pk: str) -> None:
    with transaction.atomic():
        recheck(request, Action.SEND_TEST_EVENTS)
        run = LoadRehearsal.objects.filter(organization=campaign.organization_id, pk=pk).first()
        if run is None:
            raise Http404
        stop_load_rehearsal(run=run, actor=member(request), now=timezone.now())
    messages.success(request, _("The load rehearsal ends within a second."))

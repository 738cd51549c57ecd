"""The rehearsal of a campaign: one click, and a page that follows its steps."""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import may, member, recheck, require
from accounts.dashboard.kit.sites import site
from accounts.domain import links
from accounts.domain.permissions import Action
from accounts.models import parse_ulid
from drops.models import Campaign, CampaignReward
from fulfillment.domain.delivery.exchanges import readable
from fulfillment.domain.rehearsals import reading
from fulfillment.domain.rehearsals.reading import Report
from fulfillment.domain.rehearsals.running import go_on
from fulfillment.domain.rehearsals.starting import (
    endpoints_to_rehearse,
    rewards_to_rehearse,
    start_rehearsal,
    why_not_rehearse,
)
from fulfillment.models import Attempt, Rehearsal, RehearsalState, WebhookEndpoint

TONES = {
    "passed": "good",
    "skipped": "info",
    "failed": "bad",
    "waiting": "wait",
    "running": "wait",
    "open": "",
}
# Seconds after which the page looks again: while something happens at any moment, and while a person does something.
SOON, LATER = 1, 3


class RewardChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.reward} ({obj.required_minutes} min)"


class EndpointChoice(forms.ModelChoiceField):
    with_addresses = False

    def label_from_instance(self, obj: Any) -> str:
        return str(obj) if self.with_addresses else obj.server


class RehearsalForm(forms.Form):
    reward = RewardChoice(
        label=_("Reward"),
        queryset=CampaignReward.objects.none(),
        required=False,
        empty_label=_("The one that takes the fewest minutes"),
        to_field_name="reward_id",
    )
    endpoint = EndpointChoice(
        label=_("Endpoint"),
        queryset=WebhookEndpoint.objects.none(),
        required=False,
        empty_label=_("All, as for a claim"),
        help_text=_("Try a second endpoint alone before your viewers' claims go there."),
    )
    stand_in = forms.BooleanField(
        label=_("Go on without a game account"),
        required=False,
        help_text=_(
            "If you have connected none. Your server then gets a claim of a user that it does not know."
        ),
    )

    def __init__(self, *args: Any, campaign: Campaign, with_addresses: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rewards, endpoints = rewards_to_rehearse(campaign), endpoints_to_rehearse(campaign.organization)
        fields: Any = self.fields
        fields["reward"].queryset = campaign.campaign_rewards.select_related("reward").order_by(
            "required_minutes", "position"
        )
        fields["endpoint"].queryset = campaign.organization.webhook_endpoints.filter(
            pk__in=[endpoint.pk for endpoint in endpoints]
        ).order_by("pk")
        fields["endpoint"].with_addresses = with_addresses
        if len(rewards) < 2:
            del fields["reward"]
        if len(endpoints) < 2:
            del fields["endpoint"]


class ShownExchange(NamedTuple):
    """`message`: what was sent, "" for who may not see it."""

    server: str
    attempt: Attempt | None
    answer: str
    message: str


@site.page("campaigns/<path:object_id>/rehearsal/", name="campaign_rehearsal", action=Action.TEST)
def campaign_rehearsal(request: HttpRequest, object_id: str) -> HttpResponse:
    """`?run=` shows one of the last runs, otherwise the last one is shown."""
    model_admin = site.admin_of(Campaign)
    campaign: Campaign = model_admin.object_or_404(request, unquote(object_id))
    sees_setup = may(request, Action.SEE_SETUP)
    form = RehearsalForm(request.POST or None, campaign=campaign, with_addresses=sees_setup)
    page_url = reverse("dashboard:campaign_rehearsal", args=[quote(campaign.pk)])
    if request.method == "POST":
        require(request, Action.REHEARSE)
        if form.is_valid():
            return redirect(_start(request, campaign, form) or page_url)
    now = timezone.now()
    runs = Rehearsal.objects.filter(campaign=campaign).order_by("-pk")
    last = [reading.report(run, now=now) for run in reading.with_reports(runs)[: reading.SHOWN]]
    wanted = parse_ulid(request.GET.get("run", ""))
    shown = next((each for each in last if each.rehearsal.pk == wanted), last[0] if last else None)
    why_not = why_not_rehearse(campaign, now)
    context = {
        **site.each_context(request),
        "title": _("Rehearsal of %(campaign)s") % {"campaign": campaign},
        "campaign": campaign,
        "form": form,
        "why_not": why_not,
        "may_start": may(request, Action.REHEARSE) and not why_not,
        "runs": [(each, TONES[each.state], _who(request, each)) for each in last],
        "list_url": model_admin.url("changelist"),
        "overview_url": model_admin.url_of(campaign),
        "page_url": page_url,
        **(_shown(request, shown, page_url) if shown else {}),
    }
    if links.is_linked(viewer=member(request), organization=campaign.organization):
        form.fields.pop("stand_in", None)
    part_only = request.method == "GET" and shown is not None and _wants_part(request)
    return render(request, f"dashboard/rehearsal{'_now' if part_only else ''}.html", context)


def _wants_part(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", None))


def _start(request: HttpRequest, campaign: Campaign, form: RehearsalForm) -> str:
    """Where the run is shown; "" if there is none."""
    chosen, now = form.cleaned_data, timezone.now()
    attached = chosen.get("reward")
    try:
        with transaction.atomic():
            recheck(request, Action.REHEARSE)
            rehearsal = start_rehearsal(
                campaign=campaign,
                viewer=member(request),
                actor=member(request),
                now=now,
                reward=attached.reward if attached else None,
                endpoint=chosen.get("endpoint"),
                stand_in=chosen["stand_in"],
            )
    except ValidationError as refusal:
        for text in refusal.messages:
            messages.error(request, text)
        return ""
    go_on(rehearsal_id=rehearsal.pk, clock=timezone.now)
    return f"{reverse('dashboard:campaign_rehearsal', args=[quote(campaign.pk)])}?run={rehearsal.pk}"


def _shown(request: HttpRequest, report: Report, page_url: str) -> dict[str, Any]:
    own_url = f"{page_url}?run={report.rehearsal.pk}"
    connect_url = ""
    if report.rehearsal.viewer_id == member(request).pk:
        connect_url = links.connect_address(
            connect_url=report.connect_url, return_to=settings.SITE_URL + own_url
        )
    sees_setup = may(request, Action.SEE_SETUP)
    fetch_again = {RehearsalState.RUNNING: SOON, RehearsalState.WAITING: LATER}
    return {
        "report": report,
        "tone": TONES[report.state],
        "steps": [(each, TONES[each.state]) for each in report.steps],
        "exchanges": [
            ShownExchange(
                str(delivery.endpoint) if sees_setup else delivery.endpoint.server,
                attempt,
                readable(attempt.response_body) if attempt else "",
                bytes(delivery.body).decode() if may(request, Action.SEE_CLAIMS) else "",
            )
            for delivery, attempt in report.exchanges
        ],
        "who": _who(request, report),
        "own_url": own_url,
        "connect_url": connect_url,
        "fetch_again_after": fetch_again.get(report.state),
        "endpoints_url": (
            site.admin_of(WebhookEndpoint).url("changelist") if may(request, Action.SEE_SETUP) else ""
        ),
    }


def _who(request: HttpRequest, report: Report) -> Any:
    """Whom the run was for, for those who may know."""
    if report.rehearsal.viewer_id == member(request).pk:
        return _("you")
    return report.rehearsal.viewer.username if may(request, Action.SEE_MEMBERS) else _("a colleague")

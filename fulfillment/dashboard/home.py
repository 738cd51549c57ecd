"""The front page: what is live, what is stuck, what is left to do."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.sites import site
from accounts.domain import two_owners
from accounts.domain.permissions import Action
from accounts.models import Organization
from drops.domain.watch.figures import totals
from drops.models import Campaign, CampaignPhase
from fulfillment.domain.claims.reading import claimed_by_campaign
from fulfillment.domain.delivery.reading import delivery_figures
from fulfillment.domain.delivery.status import DELETED, EndpointStatus, endpoint_status
from fulfillment.domain.onboarding import SetUp, set_up
from fulfillment.models import WebhookEndpoint

SHOWN = (CampaignPhase.LIVE, CampaignPhase.ANNOUNCED, CampaignPhase.SCHEDULED, CampaignPhase.GRACE)
AT_MOST = 8


class Step(NamedTuple):
    done: bool
    title: str | Promise
    text: str | Promise
    url: str


@site.page("", name="index", action=Action.SEE_FIGURES, label=_("Home"), icon="home", order=0)
def index(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    organization = active_organization(request)
    campaigns = sorted(
        Campaign.objects.in_phase(*SHOWN, now=now)
        .filter(organization=organization)
        .select_related("category")
        .order_by("-starts_at", "id")[:AT_MOST],
        key=lambda campaign: (SHOWN.index(campaign.phase(now)), campaign.starts_at),
    )
    figures, claimed = totals(campaigns), claimed_by_campaign(campaigns)
    steps = _steps(request, organization, set_up(organization=organization))
    context = {
        **site.each_context(request),
        "title": _("Home"),
        "campaigns": [
            (
                campaign,
                campaign.phase(now),
                figures[campaign.pk],
                claimed.get(campaign.pk, 0),
            )
            for campaign in campaigns
        ],
        "steps": steps,
        "steps_done": sum(step.done for step in steps),
        "figures": delivery_figures(organization=organization, now=now),
        "proposals": _proposals(request, organization, now),
        "rule_is_asleep": may(request, Action.CHANGE_SETTINGS)
        and two_owners.state_of(organization) is two_owners.RuleState.ASLEEP,
        "endpoints": _endpoints(organization, now) if may(request, Action.SEE_SETUP) else [],
    }
    return render(request, "dashboard/index.html", context)


def _proposals(request: HttpRequest, organization: Organization, now: datetime) -> int:
    """How many wait for this person's yes or no."""
    if not may(request, Action.ANSWER_PROPOSALS):
        return 0
    return two_owners.waiting(organization, now=now).exclude(asked_by=member(request)).count()


def _endpoints(organization: Organization, now: datetime) -> list[tuple[WebhookEndpoint, EndpointStatus]]:
    found = WebhookEndpoint.objects.filter(~DELETED, organization=organization)
    return [(endpoint, endpoint_status(endpoint, now)) for endpoint in found]


def _steps(request: HttpRequest, organization: Organization, done: SetUp) -> list[Step]:
    """A step has an address for whoever may see what is done there."""
    game = ", ".join(organization.requested) or _("your game")

    def where(name: str, action: Action) -> str:
        return reverse(f"dashboard:{name}") if may(request, action) else ""

    return [
        Step(True, _("Second factor"), _("Every member signs in with a second factor."), ""),
        Step(
            done.category,
            _("Your game"),
            _("An operator of the platform assigns your organization the category %(game)s.")
            % {"game": game},
            "",
        ),
        Step(
            done.connect_url,
            _("Connection page"),
            _("The page where viewers connect their game accounts."),
            where("settings", Action.SEE_SETUP),
        ),
        Step(
            done.app,
            _("OAuth app"),
            _("Viewers connect through the app, and your server reads claims with it."),
            where("accounts_oauthapp_changelist", Action.SEE_SETUP),
        ),
        Step(
            done.endpoint,
            _("Webhook endpoint"),
            _("Add the address of your server and send it a test event."),
            where("fulfillment_webhookendpoint_changelist", Action.SEE_SETUP),
        ),
        Step(
            done.reward,
            _("First reward"),
            _("Give it a name, a picture and your own ID for the item."),
            where("drops_reward_changelist", Action.SEE_CAMPAIGNS),
        ),
        Step(
            done.campaign,
            _("First campaign"),
            _("Choose its dates, its rewards and the minutes that earn them."),
            where("drops_campaign_changelist", Action.SEE_CAMPAIGNS),
        ),
        Step(
            done.tried,
            _("Try it in test mode"),
            _("Publish a campaign in test mode and watch a stream. Only members see the campaign."),
            where("drops_campaign_changelist", Action.SEE_CAMPAIGNS),
        ),
    ]

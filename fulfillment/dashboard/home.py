"""The front page: whether everything is all right, what is live, what is left to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy as _, ngettext

from accounts.dashboard.kit.access import active_organization, may, member
from accounts.dashboard.kit.sites import site
from accounts.domain import two_owners
from accounts.domain.permissions import Action
from accounts.models import Organization
from config import zones
from drops.domain.campaigns.lifecycle import Problem, problems_of
from drops.domain.watch.figures import totals
from drops.models import Campaign, CampaignPhase
from fulfillment.domain.analytics.over_time import midnight_of
from fulfillment.domain.analytics.uncounted import LostToday, lost_today
from fulfillment.domain.claims.reading import MOST_RECENT, Recent, recent_claims
from fulfillment.domain.delivery.reading import DeliveryFigures, delivery_figures
from fulfillment.domain.delivery.status import DELETED, EndpointStatus, endpoint_status
from fulfillment.domain.onboarding import SetUp, set_up
from fulfillment.models import WebhookEndpoint

SHOWN = (CampaignPhase.LIVE, CampaignPhase.ANNOUNCED, CampaignPhase.SCHEDULED, CampaignPhase.GRACE)
AT_MOST = 8
DRAFTS_AT_MOST = 3
RECENT = timedelta(hours=24)
TONES = ("bad", "wait", "info")


class Row(NamedTuple):
    """A campaign that is published. `recent` is of the last 24 hours, and so are the new viewers."""

    campaign: Campaign
    phase: CampaignPhase
    new_viewers: int
    recent: Recent

    @property
    def delivered_percent(self) -> int | None:
        """Rounded down: it is 100 when all have arrived. None without a claim."""
        return self.recent.delivered * 100 // self.recent.claims if self.recent.claims else None


class Trouble(NamedTuple):
    """What is wrong, with the page on which it is mended, "" for who may not see it."""

    tone: str
    title: str
    text: str | Promise
    url: str = ""
    button: str | Promise = ""


class Step(NamedTuple):
    """`name` is also that of its part of the guide. `url`: the page on which it is done, "" for who may not see it."""

    name: str
    done: bool
    title: str | Promise
    text: str | Promise
    url: str

    @property
    def guide_url(self) -> str:
        return f"{reverse('guide')}#{self.name}"


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
    since = now - RECENT
    viewers = totals(campaigns, since=since)
    recent = recent_claims(organization_id=organization.pk, since=since)
    steps = _steps(request, organization, set_up(organization=organization))
    figures = delivery_figures(organization=organization)
    troubles = _troubles(request, organization, figures, now)
    worst, *others = [*troubles, *_wrong_categories(campaigns, now), None]
    claims = sum(each.claims for each in recent.values())
    context = {
        **site.each_context(request),
        "title": _("Home"),
        "campaigns": [
            Row(
                campaign,
                campaign.phase(now),
                viewers[campaign.pk].viewers,
                recent.get(campaign.pk, Recent(0, 0)),
            )
            for campaign in campaigns
        ],
        "drafts": _drafts(organization, now),
        "steps": steps,
        "steps_done": sum(step.done for step in steps),
        "next_step": next((step.name for step in steps if not step.done), ""),
        "worst": worst,
        "others": others[:-1],
        "claims": claims,
        "more_claims": claims >= MOST_RECENT,
        "delivered": sum(each.delivered for each in recent.values()),
        "figures": figures,
        "rule_is_asleep": may(request, Action.CHANGE_SETTINGS)
        and two_owners.state_of(organization) is two_owners.RuleState.ASLEEP,
    }
    return render(request, "dashboard/index.html", context)


def _drafts(organization: Organization, now: datetime) -> list[tuple[Campaign, list[Problem]]]:
    """The newest drafts with what keeps them from being published."""
    drafts = organization.campaigns.filter(published_at=None).select_related("organization", "category")
    return [(draft, problems_of(draft, now=now)) for draft in drafts.order_by("-pk")[:DRAFTS_AT_MOST]]


def _troubles(
    request: HttpRequest, organization: Organization, figures: DeliveryFigures, now: datetime
) -> list[Trouble]:
    """The worst first: what is lost unless somebody acts, what stands still, what is retried, what is asked."""
    found = []
    if figures.failed:
        title = ngettext(
            "%(count)s delivery has failed.", "%(count)s deliveries have failed.", figures.failed
        ) % {"count": intcomma(figures.failed)}
        text = _("They are not tried again by themselves. Send them again when your server is ready.")
        url = reverse("dashboard:fulfillment_delivery_changelist") + "?state=failed"
        seen = may(request, Action.SEE_CLAIMS)
        found.append(Trouble("bad", title, text, url if seen else "", _("See these deliveries")))
    if may(request, Action.SEE_SETUP):
        endpoints = WebhookEndpoint.objects.filter(~DELETED, organization=organization).order_by("pk")
        troubles = filter(
            None, (_of_endpoint(endpoint, endpoint_status(endpoint, now)) for endpoint in endpoints)
        )
        found += sorted(troubles, key=lambda trouble: TONES.index(trouble.tone))
    if waiting := _proposals(request, organization, now):
        title = ngettext(
            "%(count)d proposal waits for your answer.", "%(count)d proposals wait for your answer.", waiting
        ) % {"count": waiting}
        url = reverse("dashboard:accounts_proposal_changelist")
        found.append(Trouble("wait", title, _("Each is done once you agree."), url, _("See the proposals")))
    return found


def _wrong_categories(campaigns: Sequence[Campaign], now: datetime) -> list[Trouble]:
    """Campaigns that lose watch time today because listed channels stream something else: each with the channel that
    loses most."""
    live = {campaign.pk: campaign for campaign in campaigns if campaign.phase(now) is CampaignPhase.LIVE}
    worst: dict[str, LostToday] = {}
    for lost in lost_today([*live.values()], since=midnight_of(now, zones.current())):
        worst.setdefault(lost.campaign_id, lost)
    found = []
    for lost in worst.values():
        campaign = live[lost.campaign_id]
        words = {"channel": lost.slug, "count": intcomma(lost.minutes), "campaign": campaign.name}
        title = ngettext(
            "Viewers of %(channel)s lost %(count)s minute today.",
            "Viewers of %(channel)s lost %(count)s minutes today.",
            lost.minutes,
        )
        text = gettext(
            "The channel is on the allow-list of %(campaign)s and streamed in another category. Tell its streamer."
        )
        url = reverse("dashboard:campaign_uncounted", args=[campaign.pk])
        found.append(Trouble("wait", title % words, text % words, url, _("See what did not count")))
    return found


def _of_endpoint(endpoint: WebhookEndpoint, status: EndpointStatus) -> Trouble | None:
    url = site.admin_of(WebhookEndpoint).url_of(endpoint)
    words = {"endpoint": endpoint, "since": "", "reason": endpoint.get_held_reason_display()}
    if since := endpoint.held_at or endpoint.failing_since:
        words["since"] = zones.words(since)
    if status is EndpointStatus.HELD:
        title = gettext("%(endpoint)s is held") % words
        text = gettext("Since %(since)s. Reason: %(reason)s. Claims wait and nothing is lost.") % words
        return Trouble("bad", title, text, url, _("See the endpoint"))
    if status is EndpointStatus.UNVERIFIED:
        text = gettext("Claims wait until the endpoint has answered a test event.")
        if endpoint.failing_since is None:
            title = gettext("%(endpoint)s is not verified.") % words
            return Trouble("info", title, text, url, _("See the endpoint"))
        title = gettext("%(endpoint)s is not verified and has been failing since %(since)s.") % words
        return Trouble("wait", title, text, url, _("See the endpoint"))
    if endpoint.failing_since is not None:
        title = gettext("%(endpoint)s has been failing since %(since)s.") % words
        text = gettext("Drops retries the deliveries automatically.")
        return Trouble("wait", title, text, url, _("See the endpoint"))
    return None


def _proposals(request: HttpRequest, organization: Organization, now: datetime) -> int:
    """How many wait for this person's yes or no."""
    if not may(request, Action.ANSWER_PROPOSALS):
        return 0
    return two_owners.waiting(organization, now=now).exclude(asked_by=member(request)).count()


def _steps(request: HttpRequest, organization: Organization, done: SetUp) -> list[Step]:
    """In their order, each with its page for whoever may see it, and its part of the guide."""
    categories = ", ".join(organization.requested)

    def where(name: str, action: Action, *args: str) -> str:
        return reverse(f"dashboard:{name}", args=args) if may(request, action) else ""

    def add(name: str, change: Action, see: Action) -> str:
        return where(f"{name}_{'add' if may(request, change) else 'changelist'}", see)

    to_rehearse, to_publish = done.to_rehearse, done.to_publish
    approval = (
        _(
            "An operator of the platform decides about your application, and you get a mail. "
            "Prepare the rest meanwhile."
        )
        if not done.approved
        else _(
            "You are approved, and no category is yours yet: rewards need one. Ask the operators for %(categories)s."
        )
        % {"categories": categories or _("yours")}
    )
    campaigns = where("drops_campaign_changelist", Action.SEE_CAMPAIGNS)
    return [
        Step(
            "application",
            True,
            _("Apply"),
            _("Who you are, your website, and the games that viewers earn rewards for."),
            "",
        ),
        Step(
            "approval",
            done.approved and done.category,
            _("Be approved"),
            approval,
            where("application", Action.SEE_SETUP),
        ),
        Step(
            "app",
            done.app and done.connect_url,
            _("Let viewers connect"),
            _(
                "An OAuth app, with which your page connects a viewer's game account. Its ID and secret go to "
                "your server."
            )
            if done.connect_url
            else _(
                "The address of your page on which viewers connect their game accounts. The OAuth app comes next."
            ),
            add("accounts_oauthapp", Action.CHANGE_APPS, Action.SEE_SETUP)
            if done.connect_url
            else where("settings", Action.SEE_SETUP),
        ),
        Step(
            "endpoint",
            done.endpoint,
            _("Receive claims"),
            _(
                "The address of your server that hears of each claim. It counts once it has answered a test event."
            ),
            where("fulfillment_webhookendpoint_changelist", Action.SEE_SETUP),
        ),
        Step(
            "reward",
            done.reward,
            _("Make a reward"),
            _("Its name and picture for viewers, and your own ID of the item for your server."),
            add("drops_reward", Action.CHANGE_REWARDS, Action.SEE_CAMPAIGNS),
        ),
        Step(
            "campaign",
            done.campaign,
            _("Plan a campaign"),
            _("Its dates, its rewards, and the minutes that earn them. Begin it in test mode."),
            add("drops_campaign", Action.CHANGE_CAMPAIGNS, Action.SEE_CAMPAIGNS),
        ),
        Step(
            "rehearsal",
            done.rehearsed,
            _("Rehearse it"),
            _("One click takes you the whole way of a viewer, and shows what your server answered.")
            if to_rehearse
            else _("One click takes you the whole way of a viewer. It needs a campaign in test mode."),
            where("campaign_rehearsal", Action.TEST, to_rehearse) if to_rehearse else campaigns,
        ),
        Step(
            "publish",
            done.published,
            _("Publish it"),
            _("Out of test mode, it is announced, starts and ends on its dates."),
            where("campaign_overview", Action.SEE_FIGURES, to_publish) if to_publish else campaigns,
        ),
        Step(
            "delivered",
            done.delivered,
            _("First delivered claim"),
            _("A viewer has claimed a reward, and your server has it. Nothing is left to do but to wait."),
            where("fulfillment_claim_changelist", Action.SEE_CLAIMS),
        ),
    ]

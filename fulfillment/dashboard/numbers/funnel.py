"""How many viewers of a campaign came how far, where most are lost, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, ngettext

from accounts.dashboard.kit.access import may
from accounts.domain.permissions import Action
from accounts.templatetags.dashboard import percent
from config import charts, zones
from config.charts import Chart
from drops.models import SMALLEST_GROUP, Campaign
from fulfillment.dashboard.numbers.tabs import campaign_of, chosen_reward, numbers_page, show
from fulfillment.domain.analytics.funnel import Counts, Step, funnel_of, largest_loss, steps_of
from fulfillment.domain.analytics.groups import shown
from fulfillment.templatetags.numbers import viewers


class Advice(NamedTuple):
    """What to do about a loss, and the page on which it is done; `url` may be empty."""

    text: str
    url: str = ""
    label: str = ""


@numbers_page("campaign_numbers")
def campaign_numbers(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    now = timezone.now()
    funnel = funnel_of(campaign)
    chosen = chosen_reward(request, [each.attached for each in funnel.rewards])
    counts = next((each.counts for each in funnel.rewards if each.attached == chosen), funnel.campaign)
    minutes = chosen or (funnel.rewards[0].attached if funnel.rewards else None)
    steps = steps_of(funnel.watched, counts)
    worst = largest_loss(steps)
    context = {
        "funnel": funnel,
        "chosen": chosen,
        "counts": counts,
        "charts": _charts(steps, of_viewers=chosen is None),
        "told": {
            "before": shown(counts.linked_before),
            "after": shown(counts.linked_after),
            "not_linked": shown(counts.not_linked),
            "saw": shown(counts.saw_and_did_not_link),
            "not_claimed": shown(counts.linked_and_not_claimed),
        },
        "can_claim": campaign.phase(now).claimable,
        "worst": worst and _name_of_loss(worst),
        "advice": worst
        and _advice(request, campaign, counts, worst, minutes.required_minutes if minutes else 0, now),
    }
    return show(request, campaign, "campaign_numbers", "funnel.html", context)


def _charts(steps: list[Step], *, of_viewers: bool) -> list[Chart]:
    """One of all steps of a reward; of a campaign, whose viewers have several claims, one of each."""
    if not of_viewers:
        return [_chart(_("From watching to the game"), _("viewers"), steps)]
    first = steps[4]
    made = Step("made", first.number + first.lost, 0)
    return [
        _chart(_("Viewers"), _("viewers"), steps[:4]),
        _chart(_("Claims of all rewards"), _("claims"), [made, *steps[4:]]),
    ]


def _chart(title: str, name: str, steps: list[Step]) -> Chart:
    drawn = []
    for step in steps:
        told = shown(step.number) if step.name == "linked" else step.number
        lost = _("%(count)s lost") % {"count": viewers(shown(step.lost))} if step.lost else ""
        share = percent(step.number / steps[0].number) if told and steps[0].number else ""
        note = ", ".join(filter(None, [share, lost]))
        value = SMALLEST_GROUP / 2 if told is None else told
        drawn.append(charts.Step(_name(step.name), value, f"({note})" if note else ""))

    def words(value: float) -> str:
        return viewers(None) if value == SMALLEST_GROUP / 2 else f"{value:,.0f}"

    return charts.funnel(title=title, head=_("Step"), name=name, steps=drawn, words=words)


def _name(step: str) -> str:
    return {
        "watched": _("Watched"),
        "reached": _("Reached the reward"),
        "linked": _("Connected the game account"),
        "claimed": _("Claimed"),
        "made": _("Claimed"),
        "delivered": _("Delivered to your server"),
        "acknowledged": _("Acknowledged by your server"),
    }[step]


def _name_of_loss(step: Step) -> str:
    lost = viewers(shown(step.lost))
    of = {
        "reached": _("The largest loss: %(count)s viewers watched and have not reached the reward."),
        "linked": _("The largest loss: %(count)s viewers reached the reward and have not connected."),
        "claimed": _("The largest loss: %(count)s viewers connected and have not claimed."),
        "delivered": _("The largest loss: %(count)s claims have not arrived at your server."),
        "acknowledged": _(
            "The largest loss: %(count)s claims arrived, and your server has not set a status."
        ),
    }
    return of[step.name] % {"count": lost}


def _advice(
    request: HttpRequest, campaign: Campaign, counts: Counts, step: Step, minutes: int, now: datetime
) -> Advice:
    match step.name:
        case "reached":
            text = ngettext(
                "The reward takes %(count)s minute. See where viewers stop, and how many more would have it for less.",
                "The reward takes %(count)s minutes. See where viewers stop, and how many more would have it for less.",
                minutes,
            ) % {"count": f"{minutes:,}"}
            return Advice(
                text, reverse("dashboard:campaign_stops", args=[campaign.pk]), _("Where viewers stop")
            )
        case "linked":
            return _about_linking(request, campaign, counts)
        case "claimed":
            return _about_claiming(request, campaign, now)
        case "delivered":
            text = _("Find out why: each delivery has its attempts and answers, and can be sent again.")
            address = reverse("dashboard:fulfillment_delivery_changelist")
            url = (
                f"{address}?claim__campaign__id__exact={campaign.pk}"
                if may(request, Action.SEE_CLAIMS)
                else ""
            )
            return Advice(text, url, _("Deliveries"))
    text = _("A status tells players what became of their reward, and tells you what the campaign brought.")
    return Advice(text, reverse("guide"), _("How to set a status"))


def _about_linking(request: HttpRequest, campaign: Campaign, counts: Counts) -> Advice:
    settings = reverse("dashboard:settings") if may(request, Action.SEE_SETUP) else ""
    if not campaign.organization.connect_url:
        text = _("Viewers are not told where to connect: your organization has no connection page.")
        return Advice(text, settings, _("Settings"))
    if counts.saw_and_did_not_link * 2 > counts.not_linked:
        text = _(
            "Most of them saw the consent page and did not agree. Look at what your app asks for, and say why."
        )
        apps = reverse("dashboard:accounts_oauthapp_changelist") if may(request, Action.SEE_SETUP) else ""
        return Advice(text, apps, _("Apps"))
    text = _(
        "Most of them never came to the consent page. Name your connection page on streams and in the game, and try "
        "it yourself."
    )
    return Advice(text, settings, _("Settings"))


def _about_claiming(request: HttpRequest, campaign: Campaign, now: datetime) -> Advice:
    if campaign.phase(now).claimable:
        text = _("They can claim with one press until %(when)s. Remind them, with this page to send them to.")
        return Advice(
            text % {"when": zones.words(campaign.closes_at)},
            reverse("drops:campaign", args=[campaign.pk]),
            _("The campaign's page"),
        )
    text = _(
        "Claims closed on %(when)s. Give the next campaign more time after its end, and remind viewers in it."
    )
    copy = (
        reverse("dashboard:campaign_copy", args=[campaign.pk])
        if may(request, Action.CHANGE_CAMPAIGNS)
        else ""
    )
    return Advice(text % {"when": zones.words(campaign.closes_at)}, copy, _("Copy the campaign"))

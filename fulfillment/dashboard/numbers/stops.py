"""Where viewers stop watching, and how many more would have a reward if it took less."""

from __future__ import annotations

from typing import NamedTuple

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from config import charts
from config.charts import Chart
from drops.domain.watch.figures import viewers_qualified
from drops.models import CampaignReward
from fulfillment.dashboard.numbers.tabs import campaign_of, chosen_reward, numbers_page, show
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.stopping import BAND, EVERY, LONGEST, Band, bands, watched_for

# Points of the curve, at most.
MOST_POINTS = 60


class Tuned(NamedTuple):
    """`before`: viewers who have the reward. `after`: those who would have it. None where either is a few."""

    attached: CampaignReward
    minutes: int
    before: int
    after: int
    difference: int | None


class TuneForm(forms.Form):
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"),
        min_value=EVERY,
        max_value=LONGEST,
        step_size=EVERY,
        widget=forms.NumberInput(attrs={"step": EVERY, "inputmode": "numeric"}),
        help_text=gettext_lazy("In steps of five."),
    )


@numbers_page("campaign_stops", "stops/")
def campaign_stops(request: HttpRequest, object_id: str) -> HttpResponse:
    campaign = campaign_of(request, object_id)
    attached = list(
        campaign.campaign_rewards.select_related("reward").order_by("required_minutes", "position")
    )
    reached = viewers_qualified(campaign=campaign)
    watched = watched_for(campaign)
    chosen = chosen_reward(request, attached) or (attached[-1] if attached else None)
    form = TuneForm(request.GET if "minutes" in request.GET else None, initial=_start(chosen))
    until = _until(attached, watched)
    parts = bands(watched, until=until)
    context = {
        "watched": watched[0],
        "attached": attached,
        "chosen": chosen,
        "form": form,
        "tuned": chosen and _tuned(form, chosen, reached.get(chosen.reward_id, 0), watched),
        "chart": _curve(watched, attached, until),
        "worst": _most(parts, watched[0]),
        "bands": [(part, shown(part.viewers), part.viewers / (watched[0] or 1)) for part in parts],
    }
    return show(request, campaign, "campaign_stops", "stops.html", context)


def _start(chosen: CampaignReward | None) -> dict[str, int]:
    """Three quarters of what the reward takes, as a first question."""
    if chosen is None:
        return {}
    return {"minutes": max(chosen.required_minutes * 3 // 4 // EVERY * EVERY, EVERY)}


def _tuned(form: TuneForm, chosen: CampaignReward, before: int, watched: dict[int, int]) -> Tuned | None:
    if form.is_bound and not form.is_valid():
        return None
    minutes = form.cleaned_data["minutes"] if form.is_bound else form.initial["minutes"]
    after = watched.get(minutes, 0)
    return Tuned(chosen, minutes, before, after, shown(abs(after - before)))


def _until(attached: list[CampaignReward], watched: dict[int, int]) -> int:
    """A quarter more than the last reward takes, but no more than anybody has watched; in quarters of an hour."""
    last = max((each.required_minutes for each in attached), default=60)
    end = min(max(last * 5 // 4, 60), max(watched) + EVERY)
    return -(-end // BAND) * BAND


def _most(parts: list[Band], watched: int) -> tuple[Band, float] | None:
    """The part in which most stop, and their share of all; None if they are few."""
    worst = max(parts, key=lambda part: part.viewers, default=None)
    if worst is None or not shown(worst.viewers):
        return None
    return worst, worst.viewers / watched


def _curve(watched: dict[int, int], attached: list[CampaignReward], until: int) -> Chart:
    every = EVERY * -(-until // EVERY // MOST_POINTS) or EVERY
    points = [(minutes, watched.get(minutes, 0)) for minutes in range(0, until + 1, every)]
    marks: dict[int, list[str]] = {}
    for each in attached:
        marks.setdefault(each.required_minutes, []).append(str(each.reward))
    return charts.curve(
        title=_("Viewers who went on watching"),
        head=_("Minutes"),
        name=_("viewers"),
        points=points,
        marks=[
            (minutes, _("%(minutes)s min") % {"minutes": f"{minutes:,}"})
            for minutes in marks
            if minutes <= until
        ],
        summary=_(
            "A line marks each reward: so many viewers have watched for as long as it takes, or longer."
        ),
    )

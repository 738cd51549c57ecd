"""The charts of an endpoint's page: how many attempts arrived, and how long the server took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import dateformat
from django.utils.translation import gettext as _, ngettext

from accounts.templatetags.dashboard import percent
from config import charts
from config.charts import Axis, Chart, Series
from fulfillment.domain.delivery.hours import DAY, Answers, together

LEAST = 20


def health_charts(by_hour: Mapping[datetime, Answers]) -> tuple[Chart, Chart, Chart]:
    """Attempts, the share that arrived, and the time to answer, hour by hour in UTC."""
    hours, answers = [*by_hour], [*by_hour.values()]
    whole = together(answers)
    labels = [dateformat.format(hour, "j M, H:i") for hour in hours]
    of_days = hours[-1] - hours[0] >= DAY
    axis = Axis(
        head=_("Hour (UTC)"),
        labels=labels,
        short=[dateformat.format(hour, "j M" if of_days else "H:i") for hour in hours],
    )
    count = ngettext(
        "%(count)s attempt, not counting tests.", "%(count)s attempts, not counting tests.", whole.attempts
    ) % {"count": f"{whole.attempts:,}"}
    arrived = percent(whole.share or 0.0)
    attempts = charts.bars(
        title=_("Attempts"),
        series=[
            Series(_("arrived"), "good", [each.arrived for each in answers]),
            Series(_("failed"), "bad", [each.attempts - each.arrived for each in answers]),
        ],
        summary=_("%(count)s %(share)s arrived.") % {"count": count, "share": arrived},
        axis=axis,
    )
    share = charts.lines(
        title=_("Share that arrived"),
        series=[Series(_("share"), "good", [each.share for each in answers])],
        words=percent,
        top=1.0,
        axis=axis,
    )
    halves = [each.percentile(0.5) for each in answers]
    mosts = [_most(each) for each in answers]
    series = [Series(_("half within"), "info", halves)]
    if any(mosts):
        series.append(Series(_("19 of 20 within"), "wait", mosts, dashed=True))
    told = [_("Half of the answers came within %(time)s.") % {"time": _milliseconds(whole.percentile(0.5))}]
    if most := _most(whole):
        told.append(_("19 of 20 came within %(time)s.") % {"time": _milliseconds(most)})
    durations = charts.lines(
        title=_("Time to answer"),
        series=series,
        words=_milliseconds,
        summary=" ".join([*told, _("Times have two digits.")]),
        axis=axis,
    )
    return attempts, share, durations


def _most(answers: Answers) -> int | None:
    """Within which time 19 of 20 came, where there are so many."""
    return answers.percentile(0.95) if answers.attempts >= LEAST else None


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else _("%(duration)s ms") % {"duration": f"{value:,.0f}"}

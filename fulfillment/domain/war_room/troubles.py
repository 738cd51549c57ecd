"""What is wrong with a campaign at the moment of its figures, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _, ngettext

from drops.models import CampaignPhase
from fulfillment.domain.delivery.status import EndpointStatus
from fulfillment.domain.preflight import SLOW_MS
from fulfillment.domain.war_room.figures import Figures

WAITS_LONG = 60  # seconds
TONES = ("bad", "wait", "info")


class Trouble(NamedTuple):
    tone: str
    text: str


def troubles(figures: Figures, *, phase: CampaignPhase, names: Mapping[str, str]) -> list[Trouble]:
    """`names` are those of the endpoints by id, as whoever reads it may know them."""
    found = [*_deliveries(figures), *_endpoints(figures, names), *_streams(figures, phase)]
    return sorted(found, key=lambda trouble: TONES.index(trouble.tone))


def _deliveries(figures: Figures) -> Iterator[Trouble]:
    if figures.needs_you:
        text = ngettext("%(count)s delivery needs you.", "%(count)s deliveries need you.", figures.needs_you)
        yield Trouble("bad", text % {"count": intcomma(figures.needs_you)})
    if (figures.oldest_seconds or 0) > WAITS_LONG:
        text = _("A delivery has waited for %(seconds)s seconds.")
        yield Trouble("wait", text % {"seconds": intcomma(figures.oldest_seconds)})


def _endpoints(figures: Figures, names: Mapping[str, str]) -> Iterator[Trouble]:
    if not figures.endpoints:
        yield Trouble("info", _("There is no webhook endpoint. Claims are fetched through the API."))
    for each in figures.endpoints:
        words = {"endpoint": names.get(each.id, _("An endpoint")), "ms": intcomma(each.p95_ms)}
        match EndpointStatus(each.status):
            case EndpointStatus.HELD:
                yield Trouble("bad", _("%(endpoint)s is held. Claims wait.") % words)
            case EndpointStatus.UNVERIFIED:
                yield Trouble("bad", _("%(endpoint)s is not verified. Claims wait.") % words)
            case EndpointStatus.PAUSED:
                yield Trouble("wait", _("%(endpoint)s is paused after failures.") % words)
            case EndpointStatus.FAILING:
                yield Trouble("wait", _("%(endpoint)s is failing. Deliveries are tried again.") % words)
            case _ if each.p95_ms is not None and each.p95_ms > SLOW_MS:
                yield Trouble("wait", _("%(endpoint)s is slow: 19 of 20 answers within %(ms)s ms.") % words)


def _streams(figures: Figures, phase: CampaignPhase) -> Iterator[Trouble]:
    if phase is CampaignPhase.LIVE and not figures.streams:
        yield Trouble("bad", _("Nobody streams what counts: no minutes are earned."))

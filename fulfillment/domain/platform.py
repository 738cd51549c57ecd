"""How Drops itself does, for operators: what is late, and which studios' servers are down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import F
from django.utils import formats
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from config.metrics import QUEUE, TICK, UP, Gauge, Reading
from config.middleware.health import LONGEST
from config.queues import MOST_WAITING
from drops.domain import readings as of_drops
from fulfillment.domain import readings as of_deliveries
from fulfillment.domain.delivery import status, words
from fulfillment.models import WebhookEndpoint

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_SERVERS = 100


class Question(NamedTuple):
    title: StrOrPromise
    gauge: Gauge
    longest: float
    tell: Callable[[float], str]


class Answer(NamedTuple):
    """`value` None: it could not be read."""

    title: str
    value: str | None
    late: bool


def _duration(seconds: float) -> str:
    if seconds == float("inf"):
        return _("not for a day")
    if seconds < 120:
        return ngettext("%(count)d second", "%(count)d seconds", int(seconds)) % {"count": int(seconds)}
    minutes = int(seconds // 60)
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _number(value: float) -> str:
    return formats.number_format(int(value), use_l10n=True, force_grouping=True)


# Longer, or more, than this is late: as the alerts of deploy/prometheus/alerts.yml have it.
QUESTIONS: Sequence[Question] = (
    Question(
        gettext_lazy("The oldest beat that is not credited yet"),
        of_drops.LAG,
        LONGEST["oldest beat"],
        _duration,
    ),
    Question(
        gettext_lazy("How far the clock of Redis is ahead"), of_drops.AHEAD, LONGEST["ahead"], _duration
    ),
    Question(gettext_lazy("Beats in the fullest stream"), of_drops.LENGTH, 50_000, _number),
    Question(
        gettext_lazy("Deliveries that are due"), of_deliveries.DUE, of_deliveries.MOST_COUNTED - 1, _number
    ),
    Question(gettext_lazy("The oldest delivery that is due"), of_deliveries.OLDEST, 120, _duration),
    Question(gettext_lazy("Changes of campaigns that are not noted yet"), of_drops.LATEST, 300, _duration),
    Question(gettext_lazy("Since the last task of the slowest queue"), TICK, LONGEST["celery"], _duration),
    Question(gettext_lazy("Messages in the longest queue"), QUEUE, MOST_WAITING - 1, _number),
)


def answers(found: Iterable[Reading]) -> list[Answer]:
    """One for each question. Of a figure that many parts have, the worst counts."""
    worst: dict[Gauge, float] = {}
    for reading in found:
        worst[reading.gauge] = max(reading.value, worst.get(reading.gauge, 0.0))
    return [
        Answer(
            str(asked.title),
            asked.tell(worst[asked.gauge]) if asked.gauge in worst else None,
            asked.gauge not in worst or worst[asked.gauge] > asked.longest,
        )
        for asked in QUESTIONS
    ]


def silent_parts(found: Iterable[Reading]) -> list[str]:
    """The parts that could not be read."""
    return [reading.labels[0] for reading in found if reading.gauge == UP and not reading.value]


def servers_down(now: datetime) -> list[tuple[WebhookEndpoint, words.Words]]:
    """Studios' servers that fail or are held, those that have failed for longest first; each with its status."""
    down = WebhookEndpoint.objects.exclude(status.DELETED).filter(status.UNWELL | status.HELD)
    oldest_first = F("failing_since").asc(nulls_last=True)
    found = down.select_related("organization").order_by(oldest_first, "pk")[:MOST_SERVERS]
    return [(endpoint, words.ENDPOINTS[status.endpoint_status(endpoint, now)]) for endpoint in found]

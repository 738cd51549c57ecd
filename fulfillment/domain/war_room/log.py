"""What happened around a campaign: its phases, edits, its endpoints' holds and troubles, the streams of its allow-list.

No person is named, and of endpoints the id alone: pages name them as far as their reader may know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from accounts.audit_words import action_words, change_words
from accounts.models import AuditEvent
from drops.models import Campaign, FormerCategory, Livestream, PhaseChangeKind
from fulfillment.domain.delivery.status import EndpointStatus
from fulfillment.models import CampaignMinute

LOOKS_BACK = timedelta(hours=12)
MOST = 40

OF_CAMPAIGN = (
    "campaign.changed",
    "campaign.ended",
    "campaign.published",
    "campaign.war_room_shared",
    "campaign.war_room_unshared",
    "campaign.withdrawn",
)
OF_ENDPOINTS = (
    "endpoint.changed",
    "endpoint.created",
    "endpoint.deleted",
    "endpoint.held",
    "endpoint.load_tested",
    "endpoint.released",
    "endpoint.verified",
)
# Of these the log names the fields that were changed, not their values.
NAMED_FIELDS = ("campaign.changed",)


class Entry(NamedTuple):
    """`endpoint`: the id of the one that it is about, or "". `data` has the values of the words of `code`."""

    at: datetime
    code: str
    data: Mapping[str, Any] = {}
    endpoint: str = ""


def log(campaign: Campaign, *, until: datetime, minutes: Iterable[CampaignMinute] = ()) -> list[Entry]:
    """The last `MOST` entries of the twelve hours before `until`, the newest first. Six queries.

    `minutes` are the campaign's, oldest first: they tell when the condition of an endpoint changed.
    """
    since = until - LOOKS_BACK
    entries = [
        *_phases(campaign, since, until),
        *_events(campaign, since, until),
        *_conditions(minutes),
        *_streams(campaign, since, until),
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:MOST]


def _phases(campaign: Campaign, since: datetime, until: datetime) -> Iterator[Entry]:
    for change in campaign.phase_changes.filter(due_at__gt=since, due_at__lte=until):
        yield Entry(change.due_at, f"phase.{change.kind}")


def _events(campaign: Campaign, since: datetime, until: datetime) -> Iterator[Entry]:
    """Both by the index of the object."""
    endpoints = list(campaign.organization.webhook_endpoints.values_list("pk", flat=True))
    events = AuditEvent.objects.filter(
        organization=campaign.organization_id,
        target_id__in=[campaign.pk, *endpoints],
        action__in=[*OF_CAMPAIGN, *OF_ENDPOINTS],
        at__gt=since,
        at__lte=until,
    )
    for event in events.order_by("-at", "-pk")[:MOST]:
        data = dict.fromkeys(event.data, "") if event.action in NAMED_FIELDS else {}
        yield Entry(event.at, event.action, data, event.target_id if event.target_id in endpoints else "")


def _conditions(minutes: Iterable[CampaignMinute]) -> Iterator[Entry]:
    for before, after in pairwise(minutes):
        known = {each[0]: each[1] for each in before.endpoints}
        for pk, status, *_more in after.endpoints:
            if known.get(pk, status) != status:
                yield Entry(after.taken_at, f"status.{status}", {}, pk)


def _streams(campaign: Campaign, since: datetime, until: datetime) -> Iterator[Entry]:
    if not campaign.allowed_channels.exists():
        return
    listed = campaign.allowed_channels.values("channel")
    streams = Livestream.objects.filter(channel__in=listed).order_by()
    in_time = {"gt": since, "lte": until}
    for field in ("started_at", "ended_at"):
        found = streams.filter(**{f"{field}__{name}": moment for name, moment in in_time.items()})
        for slug, category, at in found.order_by(f"-{field}").values_list(
            "channel__slug", "category__name", field
        )[:MOST]:
            yield Entry(at, f"stream.{field}", {"channel": slug, "category": category or ""})
    left = FormerCategory.objects.filter(until__gt=since, until__lte=until, livestream__channel__in=listed)
    for slug, category, at in left.order_by("-until").values_list(
        "livestream__channel__slug", "category__name", "until"
    )[:MOST]:
        yield Entry(at, "stream.category", {"channel": slug, "category": category or ""})


def words(entry: Entry, names: Mapping[str, str]) -> str:
    """`names` are those of the endpoints by id, as whoever reads it may know them."""
    kind, _dot, code = entry.code.partition(".")
    name = names.get(entry.endpoint, _("An endpoint that was deleted")) if entry.endpoint else ""
    if kind == "phase":
        return str(PhaseChangeKind(code).label)
    if kind == "stream":
        return _of_stream(code) % {**entry.data, "category": entry.data["category"] or _("no category")}
    if kind == "status":
        return f"{name}: {condition(code)}"
    text = action_words(entry.code)
    if entry.data:
        fields = ", ".join(field for field, _value in change_words(entry.code, entry.data))
        text = f"{text} ({fields})"
    return f"{name}: {text}" if name else text


def _of_stream(code: str) -> str:
    return {
        "started_at": _("%(channel)s went live in %(category)s"),
        "ended_at": _("%(channel)s ended the stream"),
        "category": _("%(channel)s changed its category, which was %(category)s"),
    }[code]


def condition(code: str) -> str:
    return {
        EndpointStatus.HELD: _("held"),
        EndpointStatus.UNVERIFIED: _("not verified"),
        EndpointStatus.PAUSED: _("paused after failures"),
        EndpointStatus.FAILING: _("failing"),
        EndpointStatus.WORKING: _("works"),
        EndpointStatus.DELETED: _("deleted"),
    }[EndpointStatus(code)]


def tone(entry: Entry) -> str:
    return {
        "status.held": "bad",
        "endpoint.held": "bad",
        "status.paused": "wait",
        "status.failing": "wait",
        "status.unverified": "wait",
        "status.working": "good",
        "endpoint.released": "good",
        "endpoint.verified": "good",
        "campaign.withdrawn": "bad",
        "stream.started_at": "live",
        "stream.ended_at": "",
    }.get(entry.code, "info")

"""The checklist of a campaign: what keeps it from being published, and what its producer may not have meant.

Everything is read from the real state, before publishing and any time after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from enum import Enum
from hashlib import sha256
from http import HTTPStatus
from typing import NamedTuple

from django.core.cache import cache
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _, ngettext

from accounts.domain.consequences import Consequence
from accounts.models import OAuthApp, Organization
from config import zones
from config.rounding import ceil_div
from drops.domain.campaigns.consequences import warnings_of
from drops.domain.campaigns.lifecycle import problems_of, why_not_publish
from drops.domain.campaigns.midnight import BEFORE_THE_START, midnight_meant
from drops.domain.watch.figures import viewers_qualified
from drops.models import Campaign, CampaignReward, Livestream
from fulfillment.domain.delivery.health import endpoint_health
from fulfillment.domain.delivery.status import EndpointStatus
from fulfillment.models import ErrorClass, WebhookEndpoint
from fulfillment.outbound import client

# What a viewer who comes every day can be expected to watch.
MINUTES_A_DAY = 120
# The connection page: seconds it has to answer, and for how many seconds its answer is kept.
ASKED_FOR = 2.0
ASKED_ONCE_IN = 60
# A viewer waits for the first attempt at a claim.
SLOW_MS = 2_000
NAMED = 5


class Level(Enum):
    ERROR = "error"  # it cannot be published
    WARNING = "warning"
    GOOD = "good"


class Mend(Enum):
    """What mends a line by a button of its own."""

    START_AT_LOCAL_MIDNIGHT = "start_at_local_midnight"


class Check(NamedTuple):
    """One line of the checklist. `about`: the object whose page mends it, or a model where one is missing."""

    level: Level
    text: str
    about: models.Model | type[models.Model]
    mend: Mend | None = None


def preflight(campaign: Campaign, *, now: datetime, zone: tzinfo = UTC) -> list[Check]:
    """The lines of the checklist, errors first, then warnings, then what is in order.

    `zone` is the time zone of whoever reads it.
    """
    organization = campaign.organization
    attached = list(campaign.campaign_rewards.select_related("reward"))
    endpoints = list(organization.webhook_endpoints.filter(deleted_at=None, takes_claims=True).order_by("pk"))
    found = [
        *_problems(campaign, now),
        *_connection_page(organization),
        *(Check(Level.WARNING, each.text, campaign) for each in _warnings(campaign, now)),
        *_midnight(campaign, now, zone),
        *_rewards(campaign, attached),
        *_endpoints(endpoints, now),
        *_channels(campaign),
        *_overlaps(campaign),
    ]
    order = list(Level)
    return sorted(found, key=lambda check: order.index(check.level))


def _problems(campaign: Campaign, now: datetime) -> Iterator[Check]:
    """What keeps a draft from being published; of a published campaign, what it has lost since."""
    mended_at: dict[str, models.Model | type[models.Model]] = {
        "no_connect_url": campaign.organization,
        "not_approved": campaign.organization,
        "suspended": campaign.organization,
        "no_oauth_app": OAuthApp,
    }
    if why_not_publish(campaign, now):
        return
    problems = problems_of(campaign, now=now)
    for problem in problems:
        yield Check(Level.ERROR, problem.text, mended_at.get(problem.code, campaign))
    if not problems:
        yield Check(Level.GOOD, _("Nothing keeps the campaign from being published."), campaign)


def _connection_page(organization: Organization) -> Iterator[Check]:
    """Whether the page at which viewers connect answers; asked once a minute at most."""
    url = organization.connect_url
    if not url:
        return
    if not url.startswith("https://"):
        yield Check(Level.WARNING, _("The connection page has no https address."), organization)
    key = f"connection-page:{sha256(url.encode()).hexdigest()}"
    if (trouble := cache.get(key)) is None:
        answer = client.get(url=url, timeout=ASKED_FOR)
        asks_to_sign_in = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        answers = asks_to_sign_in or (answer.status is not None and 200 <= answer.status < 400)
        trouble = "" if answers else str(answer.status or answer.error_class)
        cache.set(key, trouble, ASKED_ONCE_IN)
    if not trouble:
        yield Check(Level.GOOD, _("The connection page answers."), organization)
    elif trouble.isdecimal():
        text = _("The connection page answers with the status %(status)s.") % {"status": trouble}
        yield Check(Level.WARNING, text, organization)
    else:
        text = _("The connection page does not answer: %(reason)s.") % {"reason": ErrorClass(trouble).label}
        yield Check(Level.WARNING, text, organization)


def _warnings(campaign: Campaign, now: datetime) -> list[Consequence]:
    return (
        []
        if campaign.starts_at <= now and campaign.published_at is not None
        else warnings_of(campaign, now=now)
    )


def _midnight(campaign: Campaign, now: datetime, zone: tzinfo) -> Iterator[Check]:
    """A start at midnight in UTC, where midnight in the person's own zone may have been meant."""
    meant = midnight_meant(campaign, zone)
    if meant is None or campaign.phase(now) not in BEFORE_THE_START:
        return
    text = _(
        "It starts at 00:00 UTC, which is %(local)s in your time zone. Did you mean 00:00 in %(zone)s, which is "
        "%(meant)s?"
    )
    words = {
        "local": zones.words(campaign.starts_at, zone=zone),
        "zone": zones.name_of(zone),
        "meant": zones.words(meant, zone=UTC),
    }
    yield Check(Level.WARNING, text % words, campaign, Mend.START_AT_LOCAL_MIDNIGHT)


def _rewards(campaign: Campaign, attached: Iterable[CampaignReward]) -> Iterator[Check]:
    days = ceil_div(int((campaign.ends_at - campaign.starts_at).total_seconds()), 86400)
    nobody_reached = _minutes_nobody_reached(campaign)
    for entry in attached:
        reward, minutes = entry.reward, entry.required_minutes
        words = {"reward": reward, "minutes": minutes, "days": days}
        if minutes > days * MINUTES_A_DAY:
            text = ngettext(
                "“%(reward)s” takes %(minutes)d minutes in %(days)d day: more than two hours a day.",
                "“%(reward)s” takes %(minutes)d minutes in %(days)d days: more than two hours a day.",
                days,
            )
            yield Check(Level.WARNING, text % words, campaign)
        if nobody_reached is not None and minutes >= nobody_reached.minutes:
            text = _(
                "“%(reward)s” takes %(minutes)d minutes. Nobody reached %(before)d minutes in the campaign before, "
                "%(campaign)s."
            )
            words |= {"before": nobody_reached.minutes, "campaign": nobody_reached.campaign}
            yield Check(Level.WARNING, text % words, campaign)
        if not reward.image:
            yield Check(Level.WARNING, _("“%(reward)s” has no image.") % words, reward)
        if not reward.external_id:
            text = _("“%(reward)s” has no external ID. Your server has to know it by its reward ID.")
            yield Check(Level.WARNING, text % words, reward)


class _Unreached(NamedTuple):
    campaign: Campaign
    minutes: int


def _minutes_nobody_reached(campaign: Campaign) -> _Unreached | None:
    """The campaign that ended last before this one starts, and the fewest minutes that nobody reached in it."""
    before = (
        campaign.organization.campaigns.filter(
            published_at__isnull=False, test_mode=False, ends_at__lte=campaign.starts_at
        )
        .exclude(pk=campaign.pk)
        .order_by("-ends_at", "-pk")
        .first()
    )
    if before is None:
        return None
    qualified = viewers_qualified(campaign=before)
    unreached = [
        entry.required_minutes
        for entry in before.campaign_rewards.all()
        if not qualified.get(entry.reward_id)
    ]
    return _Unreached(before, min(unreached)) if unreached and qualified else None


def _endpoints(endpoints: Iterable[WebhookEndpoint], now: datetime) -> Iterator[Check]:
    troubles = {
        EndpointStatus.HELD: _("The endpoint %(endpoint)s is held. Claims wait until you release it."),
        EndpointStatus.UNVERIFIED: _(
            "The endpoint %(endpoint)s has not answered a test event yet. Claims wait."
        ),
        EndpointStatus.PAUSED: _("The endpoint %(endpoint)s is paused after failures."),
        EndpointStatus.FAILING: _("The endpoint %(endpoint)s is failing."),
    }
    endpoints = list(endpoints)
    if not endpoints:
        text = _("There is no webhook endpoint. Your server has to fetch claims through the API.")
        yield Check(Level.WARNING, text, WebhookEndpoint)
    for endpoint in endpoints:
        health = endpoint_health(endpoint=endpoint, now=now)
        words = {"endpoint": endpoint, "ms": health.p95_ms}
        if trouble := troubles.get(health.status):
            yield Check(Level.WARNING, trouble % words, endpoint)
        elif health.p95_ms is not None and health.p95_ms > SLOW_MS:
            text = _("The endpoint %(endpoint)s is slow: answers take %(ms)d milliseconds and more.")
            yield Check(Level.WARNING, text % words, endpoint)
        else:
            yield Check(Level.GOOD, _("The endpoint %(endpoint)s works.") % words, endpoint)


def _channels(campaign: Campaign) -> Iterator[Check]:
    """Of an allow-list: who was never live in the category."""
    if campaign.category_id is None:
        return
    in_category = Livestream.objects.filter(channel=OuterRef("channel"), category=campaign.category_id)
    never = (
        campaign.allowed_channels.filter(~Exists(in_category))
        .select_related("channel")
        .order_by("channel__slug")
    )
    named = [entry.channel.slug for entry in never[: NAMED + 1]]
    if not named:
        return
    count = len(named) if len(named) <= NAMED else never.count()
    text = ngettext(
        "%(count)d channel of the allow-list was never live in %(category)s: %(channels)s.",
        "%(count)d channels of the allow-list were never live in %(category)s: %(channels)s.",
        count,
    )
    shown = ", ".join(named[:NAMED]) + (", …" if count > NAMED else "")
    yield Check(
        Level.WARNING, text % {"count": count, "category": campaign.category, "channels": shown}, campaign
    )


def _overlaps(campaign: Campaign) -> Iterator[Check]:
    """Campaigns of the same organization and category at the same time: each minute counts for all of them."""
    others = campaign.organization.campaigns.filter(
        category=campaign.category_id,
        withdrawn_at=None,
        published_at__isnull=False,
        starts_at__lt=campaign.ends_at,
        ends_at__gt=campaign.starts_at,
    ).exclude(pk=campaign.pk)
    for other in others.order_by("starts_at", "pk")[:NAMED]:
        text = _("%(campaign)s runs at the same time in the same category. Each minute counts for both.")
        yield Check(Level.WARNING, text % {"campaign": other.dated_name}, other)

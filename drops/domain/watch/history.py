"""The history of watch time: what each visit counted for, or why it did not count, for the viewer and for studios."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db.models import QuerySet

from accounts.domain.permissions import Action, roles_with
from accounts.models import Organization, User
from config.rows import delete_in_parts
from drops.domain.watch.terms import Facts, Terms, judge
from drops.models import (
    Campaign,
    CampaignPhase,
    ChannelState,
    FormerTerms,
    Reason,
    WatchInterval,
)

HISTORY_PAGE = timedelta(days=7)
# Reasons that have nothing to do with any campaign.
OF_THE_VISIT = (
    Reason.OTHER_STREAM_ACTIVE,
    Reason.STALE_LIVESTREAM,
    Reason.OWN_CHANNEL,
    Reason.NETWORK_LIMIT,
)


@dataclass(frozen=True, slots=True)
class WatchedDay:
    """A day of a viewer's watch history, the latest visit first."""

    date: date
    visits: tuple[WatchInterval, ...]

    @property
    def counted_seconds(self) -> int:
        return sum(visit.credited_seconds for visit in self.visits)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The days of one week, the latest first. `has_older`: there is more before `since`."""

    days: tuple[WatchedDay, ...]
    since: date
    has_older: bool


def watch_history(*, viewer: User, before: datetime) -> HistoryPage:
    """The last week that `viewer` watched in before `before`. Weeks without a visit are passed over.

    Days are those of the time zone that `before` has.
    """
    visits = WatchInterval.objects.filter(viewer=viewer, started_at__lt=before).order_by("-started_at", "-pk")
    latest = visits.values_list("started_at", flat=True).first()
    if latest is None:
        return HistoryPage((), before.date(), has_older=False)
    zone = before.tzinfo
    midnight = latest.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight + timedelta(days=1) - HISTORY_PAGE
    shown = _with_what_they_counted_for(visits.filter(started_at__gte=since))
    days = groupby(shown, key=lambda visit: visit.started_at.astimezone(zone).date())
    return HistoryPage(
        days=tuple(WatchedDay(day, tuple(visits_of_day)) for day, visits_of_day in days),
        since=since.date(),
        has_older=visits.filter(started_at__lt=since).exists(),
    )


def visits_of(*, viewer: User, before: datetime | None) -> QuerySet[WatchInterval]:
    """The viewer's visits, those that began before `before`, the latest first, with what they counted for."""
    visits = WatchInterval.objects.filter(viewer=viewer)
    if before is not None:
        visits = visits.filter(started_at__lt=before)
    return _with_what_they_counted_for(visits.order_by("-started_at", "-pk"))


def _with_what_they_counted_for(visits: QuerySet[WatchInterval]) -> QuerySet[WatchInterval]:
    return visits.select_related("channel", "standing__category").prefetch_related("standing__campaigns")


@dataclass(frozen=True)
class CampaignVisit:
    """A visit as one campaign sees it. It counted each second (`reason` None), or not at all."""

    campaign: Campaign
    visit: WatchInterval
    reason: Reason | None

    @property
    def seconds(self) -> int:
        return 0 if self.reason else self.visit.credited_seconds


def look_up(*, organization: Organization, viewer_id: int, since: datetime) -> list[CampaignVisit]:
    """What the viewer's visits since `since` meant for the organization's own campaigns, latest first.

    For a studio's support. Visits that have nothing to do with a campaign are left out, so a studio learns
    nothing about the viewer's time in other games and on other channels.
    """
    since_then = WatchInterval.objects.filter(viewer=viewer_id, started_at__gte=since)
    visits = list(_with_what_they_counted_for(since_then.order_by("started_at", "pk")))
    campaigns = list(
        organization.campaigns.filter(published_at__isnull=False, closes_at__gt=since).prefetch_related(
            "allowed_channels"
        )
    )
    is_member = organization.memberships.filter(user=viewer_id, role__in=roles_with(Action.TEST)).exists()
    former = _former_terms(campaigns)
    found = [
        entry
        for campaign in campaigns
        for entry in _as_seen_by(campaign, visits, former[campaign.pk], is_member=is_member)
    ]
    return sorted(found, key=lambda entry: (entry.visit.started_at, entry.visit.pk), reverse=True)


def _as_seen_by(
    campaign: Campaign, visits: Iterable[WatchInterval], former: Sequence[FormerTerms], *, is_member: bool
) -> Iterator[CampaignVisit]:
    related: set[tuple[int, datetime]] = set()  # the visits that have to do with the campaign
    for visit in visits:
        if not campaign.announces_at <= visit.started_at < campaign.closes_at:
            continue
        terms = _terms_at(campaign, visit.started_at, former)
        reason = _reason(campaign, terms, visit, is_member=is_member)
        key = (visit.channel_id, visit.visit_started_at)
        is_listed = terms.channel_ids is not None and visit.channel_id in terms.channel_ids
        if is_listed or reason not in (
            Reason.WRONG_CATEGORY,
            Reason.STREAM_OFFLINE,
            Reason.CAMPAIGN_NOT_LIVE,
        ):
            related.add(key)
        if key in related:
            yield CampaignVisit(campaign, visit, reason)


def _reason(campaign: Campaign, terms: Terms, visit: WatchInterval, *, is_member: bool) -> Reason | None:
    if not visit.reason and campaign in visit.standing.campaigns.all():
        return None
    standing = visit.standing
    facts = Facts(visit.channel_id, standing.livestream_id, standing.category_id, standing.opted_out)
    refusal = judge(facts, terms, is_member=is_member)
    if refusal is not None:
        return refusal
    if campaign.phase(visit.started_at) is not CampaignPhase.LIVE:
        return Reason.CAMPAIGN_NOT_LIVE
    if visit.reason in OF_THE_VISIT:
        return Reason(visit.reason)
    return Reason.CAMPAIGN_NOT_LIVE


def _terms_at(campaign: Campaign, moment: datetime, former: Sequence[FormerTerms]) -> Terms:
    was = next((terms for terms in former if moment < terms.until), None)
    if was is not None:
        category_id, test_mode, channel_ids = was.category_id, was.test_mode, frozenset(was.channel_ids)
    else:
        category_id, test_mode = campaign.category_id, campaign.test_mode
        channel_ids = frozenset(entry.channel_id for entry in campaign.allowed_channels.all())
    return Terms(campaign.pk, campaign.organization_id, category_id, test_mode, channel_ids or None)


def _former_terms(campaigns: Sequence[Campaign]) -> defaultdict[str, list[FormerTerms]]:
    found: defaultdict[str, list[FormerTerms]] = defaultdict(list)
    for terms in FormerTerms.objects.filter(campaign__in=campaigns).order_by("until", "pk"):
        found[terms.campaign_id].append(terms)
    return found


def forget_visits(*, user: User, now: datetime, **signal: object) -> None:
    """Receives `account_deleted`: deletes the person's watch history."""
    WatchInterval.objects.filter(viewer=user).delete()


def purge(*, before: datetime) -> int:
    """Delete the intervals that began before `before`; progress and the hourly figures stay.

    Returns how many there were.
    """
    old = WatchInterval.objects.filter(started_at__lt=before, last_beat_at__lt=before).order_by("started_at")
    deleted = delete_in_parts(old)
    # States of streams that ended long ago: no crediting that is under way can use them.
    ChannelState.objects.filter(livestream__ended_at__lt=before, intervals__isnull=True).delete()
    return deleted

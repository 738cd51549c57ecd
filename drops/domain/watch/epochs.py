"""The campaigns that were live at each moment, and what a stream counts for in each of them.

Times are integers: milliseconds since 1970.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from django.db.models import Exists, OuterRef, Q

from drops.domain.watch.terms import Counted, Facts, Missed, Terms, judge
from drops.models import AllowedChannel, Campaign, FormerTerms, Reason
from drops.models.fields import to_ms

FOREVER = 2**62
# For this long after a campaign's end, viewers who go on watching are told that it has ended.
REMEMBERED = timedelta(days=1)


class Near:
    """Campaigns by category and by channel, so that a stream is compared with few of them."""

    def __init__(self, terms: Iterable[Terms]) -> None:
        self._global: defaultdict[int | None, list[Terms]] = defaultdict(list)
        self._listed: defaultdict[int, list[Terms]] = defaultdict(list)
        for campaign in terms:
            if campaign.channel_ids is None:
                self._global[campaign.category_id].append(campaign)
            else:
                for channel_id in campaign.channel_ids:
                    self._listed[channel_id].append(campaign)

    def to(self, facts: Facts) -> Iterator[Terms]:
        yield from self._global[None]
        yield from self._listed[facts.channel_id]
        if facts.category_id is not None:
            yield from self._global[facts.category_id]


class Judgement(NamedTuple):
    """`reason`: "" where `counted` is not empty. `missed`: the campaigns near the stream that it does not count for;
    those in test mode miss nothing."""

    counted: tuple[Counted, ...]
    reason: str
    missed: tuple[Missed, ...]


class Epoch:
    """A stretch of time in which no campaign changed, with the campaigns that were live in it, and those
    that had ended in the `REMEMBERED` before it."""

    def __init__(self, start: int, end: int, live: Sequence[Terms], over: Sequence[Terms]) -> None:
        self.start = start
        self.end = end
        self._live = Near(live)
        self._over = Near(over)
        self._listing_categories = {terms.category_id for terms in live if terms.channel_ids is not None}
        self._any_live = bool(live)
        self._any_category = any(terms.category_id is not None for terms in live)

    def judge(self, facts: Facts, organizations: frozenset[str]) -> Judgement:
        """The campaigns that count for a member of `organizations`; if none does, the reason that says most to
        the stream's viewers."""
        counting, missed, reasons = [], [], set()
        for terms in self._live.to(facts):
            reason = judge(facts, terms, is_member=terms.organization_id in organizations)
            if reason is None:
                counting.append(Counted(terms.campaign_id, terms.test_mode))
                continue
            reasons.add(reason)
            if not terms.test_mode:
                missed.append(Missed(terms.campaign_id, reason))
        why_none = "" if counting else self._reason(facts, reasons)
        return Judgement(tuple(sorted(counting)), why_none, tuple(sorted(missed)))

    def _reason(self, facts: Facts, near: Collection[Reason]) -> Reason:
        """The reason of the campaign that is nearest to the stream, because campaigns of other channels or games
        say nothing about it. `near`: the reasons of the campaigns of this channel or category."""
        if facts.livestream_id is None:
            return Reason.STREAM_OFFLINE
        for reason in (Reason.TEST_MODE, Reason.STREAMER_OPTED_OUT):
            if reason in near:
                return reason
        if any(judge(facts, terms, is_member=False) is None for terms in self._over.to(facts)):
            return Reason.CAMPAIGN_NOT_LIVE
        if Reason.WRONG_CATEGORY in near:  # the channel is on an allow-list
            return Reason.WRONG_CATEGORY
        if facts.category_id is not None and facts.category_id in self._listing_categories:
            return Reason.NOT_ALLOW_LISTED
        if self._any_category:
            return Reason.WRONG_CATEGORY
        return Reason.NOT_ALLOW_LISTED if self._any_live else Reason.CAMPAIGN_NOT_LIVE


class Epochs(NamedTuple):
    epochs: Sequence[Epoch]
    testing: frozenset[str]  # organizations with a campaign in test mode

    def within(self, start: int, end: int) -> Iterator[Epoch]:
        return (epoch for epoch in self.epochs if epoch.start < end and start < epoch.end)


class Span(NamedTuple):
    start: int
    end: int
    terms: Terms
    live: bool = True


def epochs_of(facts: Collection[int], since: datetime, until: datetime) -> Epochs:
    """The campaigns that are live somewhere in the span or ended lately, cut where one starts, ends or changes."""
    former: defaultdict[str, list[FormerTerms]] = defaultdict(list)
    for former_terms in FormerTerms.objects.filter(until__gt=since).order_by("until", "pk"):
        former[former_terms.campaign_id].append(former_terms)
    campaigns = list(
        Campaign.objects.filter(
            Q(starts_at__lte=until, ends_at__gt=since - REMEMBERED) | Q(pk__in=former),
            Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=since - REMEMBERED),
            Q(organization__suspended_at__isnull=True) | Q(organization__suspended_at__gt=since),
            organization__approved_at__isnull=False,
            published_at__lte=until,
        )
        .annotate(listed=Exists(AllowedChannel.objects.filter(campaign=OuterRef("pk"))))
        .values_list(
            "pk",
            "organization",
            "category",
            "test_mode",
            "starts_at",
            "ends_at",
            "published_at",
            "withdrawn_at",
            "organization__suspended_at",
            "listed",
        )
    )
    allowed: defaultdict[str, set[int]] = defaultdict(set)
    for campaign_id, channel_id in AllowedChannel.objects.filter(
        campaign__in=[row[0] for row in campaigns], channel__in=facts
    ).values_list("campaign", "channel"):
        allowed[campaign_id].add(channel_id)

    spans: list[Span] = []
    for row in campaigns:
        pk, organization_id, category, test, starts, ends, published, withdrawn, suspended, listed = row
        stops = [to_ms(moment) for moment in (withdrawn, suspended) if moment is not None]
        begin = to_ms(cast("datetime", published))
        for was in former[pk]:
            channels = frozenset(was.channel_ids) or None
            asked = Terms(pk, organization_id, was.category_id, was.test_mode, channels)
            until_ms = to_ms(was.until)
            end = min(until_ms, to_ms(was.ends_at), *stops)
            spans.append(Span(max(begin, to_ms(was.starts_at)), end, asked))
            begin = max(begin, until_ms)
        asks = Terms(pk, organization_id, category, test, frozenset(allowed[pk]) if listed else None)
        end = min([to_ms(ends), *stops])
        spans.append(Span(max(begin, to_ms(starts)), end, asks))
        spans.append(Span(end, end + int(REMEMBERED.total_seconds() * 1000), asks, live=False))
    first, last = to_ms(since), to_ms(until)
    spans = [span for span in spans if span.start < span.end and span.start <= last and span.end > first]
    edges = sorted(
        {-FOREVER, FOREVER}
        | {edge for span in spans for edge in (span.start, span.end) if first < edge <= last}
    )
    epochs = []
    for begin, end in itertools.pairwise(edges):
        moment = max(begin, first)
        now = [span for span in spans if span.start <= moment < span.end]
        live, over = ([span.terms for span in now if span.live is wanted] for wanted in (True, False))
        epochs.append(Epoch(begin, end, live, over))
    testing = frozenset(span.terms.organization_id for span in spans if span.live and span.terms.test_mode)
    return Epochs(epochs, testing)

"""Crediting: the one place where watch time is earned.

A beat earns the time since the same viewer's previous beat, never more than has passed and never
more than 150 s. `docs/watch-time.md` has the rules with their reasons; here is how they are kept:

* Times are integers, milliseconds since 1970, of the clock that accepted the beat.
* Seconds are counted on a grid that starts with the visit: cutting a visit anywhere loses nothing.
* A viewer's counted intervals never overlap, which is what bounds the total by the wall clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from drops.domain.watch import store, timeline
from drops.domain.watch.beats import (
    DAY,
    HOUR,
    MAX_BEAT,
    MAX_SILENCE,
    Beat,
    BeatKind,
    CreditResult,
    parts,
)
from drops.domain.watch.counters import add_to_counters
from drops.domain.watch.epochs import FOREVER
from drops.domain.watch.hourly import Earned, Figures, Mark, campaigns_of
from drops.domain.watch.moves import Moves
from drops.domain.watch.networks import Networks
from drops.domain.watch.store import LastCounted, OpenRow
from drops.domain.watch.terms import Counted
from drops.domain.watch.timeline import Timeline, Verdict
from drops.domain.watch.uncounted import Uncounted
from drops.domain.watch.visits import Visit
from drops.models import Reason

# A beat ends the viewer's visits to other channels that have been silent for this long. Not as soon as
# `MAX_SILENCE`: a report may be late, and what it then earns must not depend on what came first.
MAX_OPEN = 2 * MAX_SILENCE


@transaction.atomic
def credit(beats: Sequence[Beat], *, now: datetime) -> CreditResult:
    """Credit beats, one or ten thousand, in the order they were accepted in; the number of queries is
    the same.

    Unknown viewers and channels are reported and earn nothing. Two calls at once for one viewer
    wait for each other: the viewer's partition is locked.
    """
    if not beats:
        return CreditResult(0, frozenset(), frozenset())
    viewer_ids = {beat.viewer_id for beat in beats}
    store.lock_partitions({viewer_id % settings.WATCH_PARTITIONS for viewer_id in viewer_ids})
    known, rows = store.open_intervals(viewer_ids)
    unknown = viewer_ids - known
    if unknown:
        beats = [beat for beat in beats if beat.viewer_id in known]
    crediting = Crediting(beats, rows)
    crediting.run()
    crediting.write(now)
    return CreditResult(
        seconds=sum(piece.seconds for pieces in crediting.earned.values() for piece in pieces),
        unknown_viewers=frozenset(unknown),
        unknown_channels=frozenset(crediting.unknown_channels),
    )


class Crediting:
    """One batch at work: the open visits in, the changed ones and what they earned out."""

    def __init__(self, beats: Sequence[Beat], rows: Sequence[OpenRow]) -> None:
        self.rows = rows
        channel_ids = {beat.channel_id for beat in beats}
        self.timeline = self._load_timeline(beats, channel_ids)
        self.unknown_channels = {channel for channel in channel_ids if channel not in self.timeline}
        self.beats = beats
        if self.unknown_channels:
            self.beats = [beat for beat in beats if beat.channel_id not in self.unknown_channels]
        # The rows that the beats changed: most are only extended, a few end and others begin.
        self.extended: list[tuple[int, int, int]] = []
        self.changed: dict[int, Visit] = {}
        self.added: list[Visit] = []
        self.earned: dict[int, list[Earned]] = {}
        # The open visits of the viewers who need the long way, and the moment up to which the time of each
        # of them is taken by a closed visit that counted.
        self.visits: defaultdict[int, dict[int, Visit]] = defaultdict(dict)
        self.taken: dict[int, LastCounted] = {}
        self.uncounted = Uncounted()
        self.moves = Moves()

    def _load_timeline(self, beats: Collection[Beat], channel_ids: Collection[int]) -> Timeline:
        moments = [beat.at for beat in beats]
        first, last = min(moments, default=0), max(moments, default=0)
        lasts = [row.last for row in self.rows if row.last > first - MAX_SILENCE]
        return timeline.load(
            channel_ids={*channel_ids, *(row.channel_id for row in self.rows if not row.reason)},
            viewer_ids={beat.viewer_id for beat in beats},
            start=min([first, *lasts]),
            end=max([last, *lasts]) + 1,
        )

    def run(self) -> None:
        rest = self._go_on_steadily()
        self.uncounted.add_steady(self.earned.values(), self.timeline.missed())
        viewer_ids = {beat.viewer_id for beat in rest}
        for row in self.rows:
            if row.viewer_id in viewer_ids:
                self.visits[row.viewer_id][row.channel_id] = Visit(row.id, row.viewer_id, *row[2:])
        channels = {
            channel for channel in {beat.channel_id for beat in rest} if self.timeline.may_count(channel)
        }
        counting = [beat for beat in rest if beat.channel_id in channels]
        self.taken = store.last_counted(self._newcomers(counting))
        self.networks = Networks(counting, [row for row in self.rows if row.viewer_id in viewer_ids])
        for beat in rest:
            self._take(beat)

    def _go_on_steadily(self) -> list[Beat]:
        """Extend the rows of viewers who just go on watching what counts, and return the other beats.

        Nearly every beat is one of these, so this short way does as little as possible. `_take` has the
        same result and handles every other case.
        """
        alone, rest = self._alone_and_others()
        steady = self.timeline.steady()
        for (
            viewer_id, row_id, channel_id, standing_id, reason, began, start, last, credited, player
        ) in self.rows:  # fmt: skip
            beat = alone.get(viewer_id)
            if beat is None or reason:
                continue
            standing_now, livestream_now = steady.get(channel_id, (0, 0))
            _, on_channel, at, kind, livestream_id, by_player, _ = beat
            hour = at - at % HOUR
            before = (last - began) // 1000
            if (
                kind
                or on_channel != channel_id
                or standing_id != standing_now
                or livestream_id not in (0, livestream_now)
                or by_player != player
                or not hour <= last < at <= last + MAX_BEAT
                # The first second of this hour: the viewer may be new to it.
                or before == (max(hour, start) - began) // 1000
            ):
                continue
            seconds = (at - began) // 1000 - before
            self.extended.append((at, credited + seconds, row_id))
            if seconds:
                self.earned[viewer_id] = [Earned(channel_id, standing_id, hour, seconds, False)]
            del alone[viewer_id]
        return [*rest, *alone.values()]

    def _alone_and_others(self) -> tuple[dict[int, Beat], list[Beat]]:
        """The beats of viewers with one beat and one row, by viewer; and the others."""
        alone = {beat.viewer_id: beat for beat in self.beats}
        several: set[int] = set()
        if len(alone) < len(self.beats):
            several |= {
                viewer for viewer, n in Counter(beat.viewer_id for beat in self.beats).items() if n > 1
            }
        if len({row[0] for row in self.rows}) < len(self.rows):
            several |= {viewer for viewer, n in Counter(row[0] for row in self.rows).items() if n > 1}
        for viewer_id in several:
            alone.pop(viewer_id, None)
        return alone, [beat for beat in self.beats if beat.viewer_id in several] if several else []

    def _newcomers(self, beats: Iterable[Beat]) -> set[int]:
        """Viewers with a visit that may begin to count. Only their earlier intervals have to be read."""
        return {
            beat.viewer_id
            for beat in beats
            if (visit := self.visits[beat.viewer_id].get(beat.channel_id)) is None or visit.reason
        }

    def _take(self, beat: Beat) -> None:
        self._end_forgotten(beat)
        visit = self.visits[beat.viewer_id].get(beat.channel_id)
        if visit is not None and beat.at - visit.last > MAX_BEAT:
            self._end_silent(visit, beat)
            visit = None
        if visit is None:
            if beat.kind is not BeatKind.GOODBYE:
                self._watch(self._begin(beat), beat, beat.at)
            return
        # A clock that stepped back, or a late report: nothing to earn, nothing to take away.
        visit = self._watch(visit, beat, max(beat.at, visit.last))
        if beat.kind is not BeatKind.GOODBYE:
            visit.player = beat.player
        elif beat.player in (0, visit.player):
            self._close(visit)

    def _end_silent(self, visit: Visit, beat: Beat) -> None:
        """The beat shows that the viewer was still there, but a beat earns no more than 150 s."""
        if beat.kind is not BeatKind.START and beat.at - visit.last <= MAX_SILENCE:
            visit = self._watch(visit, beat, visit.last + MAX_BEAT)
        self._close(visit)

    def _end_forgotten(self, beat: Beat) -> None:
        """Close visits too old to be continued; otherwise each later beat would have to skip them."""
        for visit in list(self.visits[beat.viewer_id].values()):
            if beat.at - visit.last > MAX_OPEN:
                self._close(visit)

    def _begin(self, beat: Beat) -> Visit:
        """A visit of no length and with no row yet: `_watch` gives it its standing."""
        return Visit(
            None, beat.viewer_id, beat.channel_id, 0, "", beat.at, beat.at, beat.at, 0, beat.player, False
        )

    def _watch(self, visit: Visit, beat: Beat, until: int) -> Visit:
        """Go on with the visit until `until`, in new rows where something changed; returns the last row."""
        free_from: int | None = None
        for start, end, piece in self.timeline.walk(visit.channel_id, visit.last, until):
            verdict = self.timeline.verdict(piece, visit.viewer_id)
            reason = verdict.reason
            if beat.livestream_id and piece.facts.livestream_id not in (None, beat.livestream_id):
                reason = Reason.STALE_LIVESTREAM
            if not reason and self.networks.refuse(beat, start):
                reason = Reason.NETWORK_LIMIT
            if reason:
                visit = self._go_on(visit, verdict, reason, end)
                continue
            if free_from is None:
                free_from = self._free_from(visit, beat)
            if start < free_from or (start == end and free_from > start):
                visit = self._go_on(visit, verdict, Reason.OTHER_STREAM_ACTIVE, min(end, free_from))
            if free_from < end or free_from <= start:
                self.networks.enter(beat, start)
                visit = self._go_on(visit, verdict, "", end)
        return visit

    def _free_from(self, visit: Visit, beat: Beat) -> int:
        """From when on this visit may count: one stream at a time, and no second is credited twice."""
        if visit.is_open and not visit.reason:
            return visit.last
        holder = next(
            (
                other
                for other in self.visits[visit.viewer_id].values()
                if not other.reason and other is not visit
            ),
            None,
        )
        free_from = 0
        if holder is not None:
            if beat.kind is BeatKind.SWITCH:
                free_from = holder.last
            else:
                free_from = self._held_until(holder)
                if free_from >= max(beat.at, visit.last):
                    return FOREVER
            self._close(holder)
        last = self.taken.get(visit.viewer_id)
        return max(free_from, last.until) if last else free_from

    def _held_until(self, holder: Visit) -> int:
        """A silent session ends after 150 s, and at once where its channel stops counting."""
        limit = holder.last + MAX_BEAT
        for start, _, piece in self.timeline.walk(holder.channel_id, holder.last, limit):
            if self.timeline.verdict(piece, holder.viewer_id).reason:
                return start
        return limit

    def _go_on(self, visit: Visit, verdict: Verdict, reason: str, until: int) -> Visit:
        """Extend the row while nothing changes; else, and on another day, end it and begin the visit's next row."""
        if not self.timeline.is_owner(visit.viewer_id, visit.channel_id):
            self.uncounted.add(visit, verdict, reason, until)
        same = visit.is_open and (visit.standing_id, visit.reason) == (verdict.standing_id, reason)
        if not same or visit.start // DAY != visit.last // DAY:
            visit = self._next_row(visit, verdict.standing_id, reason)
        self._extend(visit, until)
        return visit

    def _next_row(self, visit: Visit, standing_id: int, reason: str) -> Visit:
        if visit.is_open:
            self._close(visit)
        following = Visit(
            None,
            visit.viewer_id,
            visit.channel_id,
            standing_id,
            reason,
            visit.began,
            visit.last,
            visit.last,
            0,
            visit.player,
        )
        if not reason:
            self.moves.add(self.taken.get(visit.viewer_id), following)
        self.visits[visit.viewer_id][visit.channel_id] = following
        self.added.append(following)
        return following

    def _extend(self, visit: Visit, until: int) -> None:
        if not visit.reason:
            for start, end in parts(visit.last, until, HOUR):
                seconds = visit.seconds_until(end) - visit.seconds_until(start)
                if seconds:
                    hour = start - start % HOUR
                    first = visit.seconds_until(max(visit.start, hour)) == visit.seconds_until(start)
                    visit.seconds += seconds
                    self.earned.setdefault(visit.viewer_id, []).append(
                        Earned(visit.channel_id, visit.standing_id, hour, seconds, first)
                    )
        visit.last = until
        if visit.id is not None:
            self.changed[visit.id] = visit

    def _close(self, visit: Visit) -> None:
        visit.is_open = False
        self.visits[visit.viewer_id].pop(visit.channel_id, None)
        if visit.id is not None:
            self.changed[visit.id] = visit
        if not visit.reason:
            last = self.taken.get(visit.viewer_id)
            if last is None or visit.last >= last.until:
                self.taken[visit.viewer_id] = LastCounted(visit.last, visit.channel_id, visit.standing_id)

    def write(self, now: datetime) -> None:
        """Write all changes, with one statement for each kind of change."""
        before = self._credited_before()
        store.extend_intervals(self.extended)
        # Closed rows before new ones: a viewer has one open row that counts, never two.
        store.update_intervals(
            [(row.last, row.seconds, row.player, row.is_open, row_id) for row_id, row in self.changed.items()]
        )
        store.insert_intervals([row.as_row() for row in self.added])
        self.networks.write()
        self.uncounted.write()
        campaigns = self._campaigns(before)
        self.moves.write(campaigns)
        if self.earned:
            figures = Figures(self.earned, campaigns, before)
            add_to_counters(self.earned, campaigns, figures, now=now)
            figures.write()

    def _campaigns(self, before: Iterable[Mark]) -> dict[int, tuple[Counted, ...]]:
        """The campaigns of every standing that this batch is about."""
        campaigns = self.timeline.campaigns()
        return campaigns | campaigns_of(
            {*(mark.standing_id for mark in before), *self.moves.standing_ids} - campaigns.keys()
        )

    def _credited_before(self) -> set[Mark]:
        """The hours that already have counted time of viewers who might be new to them."""
        firsts = [
            (viewer_id, piece.hour)
            for viewer_id, pieces in self.earned.items()
            for piece in pieces
            if piece.first
        ]
        if not firsts:
            return set()
        # No row is longer than a day, so none that began before that day reaches into the hour.
        since = min(hour for _, hour in firsts) // DAY * DAY
        return {
            Mark(viewer_id, channel_id, standing_id, start - start % HOUR)
            for viewer_id, channel_id, standing_id, began, first, last in store.credited_since(
                {viewer_id for viewer_id, _ in firsts}, since
            )
            for start, end in parts(first, last, HOUR)
            if (end - began) // 1000 > (start - began) // 1000
        }

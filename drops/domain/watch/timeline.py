"""Which campaigns each channel counted for, moment by moment.

Watch time is judged by how things stood when it was watched. This module lays out, for the channels
and the time span of a batch, the pieces in which nothing changed; each piece says which campaigns
it counts for, or why for none. Times are integers: milliseconds since 1970.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from django.db.models import Q

from accounts.domain.permissions import Action, roles_with
from accounts.models import Membership
from drops.domain.watch.beats import DAY, parts
from drops.domain.watch.epochs import FOREVER, Judgement, epochs_of
from drops.domain.watch.terms import Counted, Facts, Missed
from drops.models import (
    Channel,
    ChannelState,
    CountedCampaign,
    FormerCategory,
    FormerOptOut,
    Livestream,
    Reason,
)
from drops.models.fields import from_ms, to_ms


class Verdict(NamedTuple):
    """What a piece means for one kind of viewer. `reason` is "" where `campaigns` is not empty. `missed`: what it does
    not count for, though it might have (`Epoch.judge`)."""

    standing_id: int
    campaigns: tuple[Counted, ...]
    reason: str
    missed: tuple[Missed, ...] = ()


@dataclass(slots=True)
class Piece:
    """A stretch of a channel's time in which nothing changed: `start` <= t < `end`."""

    start: int
    end: int
    facts: Facts
    # By the organizations under test that the viewer is a member of.
    verdicts: dict[frozenset[str], Verdict] = field(default_factory=dict)


class Timeline:
    """The pieces of some channels between two moments."""

    def __init__(
        self,
        pieces: Mapping[int, Sequence[Piece]],
        members: Mapping[int, frozenset[str]],
        owners: Mapping[int, int],
    ) -> None:
        self._pieces = pieces
        self._members = members
        self._owners = owners

    def __contains__(self, channel_id: int) -> bool:
        return channel_id in self._pieces

    def steady(self) -> dict[int, tuple[int, int]]:
        """(standing, livestream) by channel, of those that counted all the time, alike for all viewers."""
        return {
            channel_id: (verdict.standing_id, pieces[0].facts.livestream_id or 0)
            for channel_id, pieces in self._pieces.items()
            if len(pieces) == 1
            and len(pieces[0].verdicts) == 1
            and (verdict := pieces[0].verdicts[frozenset()]).campaigns
        }

    def missed(self) -> dict[int, tuple[Missed, ...]]:
        """By channel, of those of `steady`, what it did not count for; a channel that missed nothing is left out."""
        return {
            channel_id: missed
            for channel_id in self.steady()
            if (missed := self._pieces[channel_id][0].verdicts[frozenset()].missed)
        }

    def is_owner(self, viewer_id: int, channel_id: int) -> bool:
        return self._owners[channel_id] == viewer_id

    def walk(self, channel_id: int, start: int, end: int) -> Iterator[tuple[int, int, Piece]]:
        """What [start, end) is made of, cut at midnights; the piece of the moment itself where `start` == `end`."""
        for piece in self._pieces[channel_id]:
            if start == end and piece.start <= start < piece.end:
                yield start, end, piece
            for first, last in parts(max(start, piece.start), min(end, piece.end), DAY):
                yield first, last, piece

    def verdict(self, piece: Piece, viewer_id: int) -> Verdict:
        verdict = piece.verdicts[self._members.get(viewer_id, frozenset())]
        if verdict.campaigns and self.is_owner(viewer_id, piece.facts.channel_id):
            return Verdict(verdict.standing_id, (), Reason.OWN_CHANNEL)
        return verdict

    def may_count(self, channel_id: int) -> bool:
        """Whether the channel counts for anybody at any moment."""
        return any(
            verdict.campaigns for piece in self._pieces[channel_id] for verdict in piece.verdicts.values()
        )

    def campaigns(self) -> dict[int, tuple[Counted, ...]]:
        """The campaigns of each standing."""
        return {
            verdict.standing_id: verdict.campaigns
            for pieces in self._pieces.values()
            for piece in pieces
            for verdict in piece.verdicts.values()
        }


def load(
    *, channel_ids: Collection[int], viewer_ids: Collection[int], start: int, end: int, write: bool = True
) -> Timeline:
    """Lay out [start, end] for those of `channel_ids` that exist. A constant number of queries.

    `write` False: standings that have no row yet are not stored (their id is 0).
    """
    since, until = from_ms(start), from_ms(end)
    channels = Channel.objects.filter(pk__in=channel_ids).values_list("pk", "owner", "opted_out_at")
    owners = {channel_id: owner_id for channel_id, owner_id, _ in channels}
    facts = _facts({channel_id: at for channel_id, _, at in channels}, since, until)
    epochs = epochs_of(facts, since, until)
    members = _members(viewer_ids, epochs.testing)
    kinds = {frozenset[str](), *members.values()}
    pieces: dict[int, list[Piece]] = {}
    judged: list[tuple[Piece, frozenset[str], Judgement]] = []
    for channel_id, stretches in facts.items():
        pieces[channel_id] = []
        for first, last, known in stretches:
            if last <= start or end < first:
                continue
            for epoch in epochs.within(first, last):
                piece = Piece(max(first, epoch.start), min(last, epoch.end), known)
                pieces[channel_id].append(piece)
                judged += [(piece, kind, epoch.judge(known, kind)) for kind in kinds]
    keys = [_key(piece.facts, judgement.counted) for piece, _, judgement in judged]
    wanted = {
        key: (piece.facts, judgement.counted) for key, (piece, _, judgement) in zip(keys, judged, strict=True)
    }
    ids = _standing_ids(wanted, write=write)
    for key, (piece, kind, judgement) in zip(keys, judged, strict=True):
        piece.verdicts[kind] = Verdict(ids[key], *judgement)
    return Timeline({channel_id: _merged(found) for channel_id, found in pieces.items()}, members, owners)


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Neighbours that mean the same are one."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and (merged[-1].facts, merged[-1].verdicts) == (piece.facts, piece.verdicts):
            merged[-1].end = piece.end
        else:
            merged.append(piece)
    return merged


Stretch = tuple[int, int, Facts]


def _facts(
    channels: Mapping[int, datetime | None], since: datetime, until: datetime
) -> dict[int, list[Stretch]]:
    """For each channel its time, from -infinity to infinity, cut where live, category or opt-out changed.

    `channels`: since when each is opted out.
    """
    out: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for channel_id, opted_out_at in channels.items():
        if opted_out_at is not None:
            out[channel_id].append((to_ms(opted_out_at), FOREVER))
    for channel_id, out_at, in_at in FormerOptOut.objects.filter(ended_at__gt=since).values_list(
        "channel", "started_at", "ended_at"
    ):
        out[channel_id].append((to_ms(out_at), to_ms(in_at)))

    former: defaultdict[int, list[tuple[int, int | None]]] = defaultdict(list)
    for livestream_id, until_at, category_id in (
        FormerCategory.objects.filter(until__gt=since)
        .order_by("until", "pk")
        .values_list("livestream", "until", "category")
    ):
        former[livestream_id].append((to_ms(until_at), category_id))

    live: defaultdict[int, list[tuple[int, int, int, int | None]]] = defaultdict(list)
    for pk, channel_id, category_id, began_at, ended_at in (
        Livestream.objects.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=since), channel__in=channels, started_at__lte=until
        )
        .order_by("started_at", "pk")
        .values_list("pk", "channel", "category", "started_at", "ended_at")
    ):
        begin = to_ms(began_at)
        for until_ms, former_category in former[pk]:
            live[channel_id].append((begin, until_ms, pk, former_category))
            begin = until_ms
        live[channel_id].append((begin, FOREVER if ended_at is None else to_ms(ended_at), pk, category_id))
    return {
        channel_id: list(_stretches(channel_id, live[channel_id], out[channel_id])) for channel_id in channels
    }


def _stretches(
    channel_id: int, live: Sequence[tuple[int, int, int, int | None]], out: Sequence[tuple[int, int]]
) -> Iterator[Stretch]:
    spans = [*out, *(row[:2] for row in live)]
    edges = {-FOREVER, FOREVER, *(edge for span in spans for edge in span)}
    for begin, end in itertools.pairwise(sorted(edges)):
        stream = next((row for row in live if row[0] <= begin < row[1]), None)
        opted_out = any(first <= begin < last for first, last in out)
        yield (
            begin,
            end,
            Facts(channel_id, stream[2] if stream else None, stream[3] if stream else None, opted_out),
        )


def _members(viewer_ids: Collection[int], organization_ids: Collection[str]) -> dict[int, frozenset[str]]:
    """Which viewers are members of organizations that test a campaign."""
    if not organization_ids:
        return {}
    found: defaultdict[int, set[str]] = defaultdict(set)
    wanted = set(viewer_ids)
    # Members are few, viewers may be many: all members of these organizations are read.
    for user_id, organization_id in Membership.objects.filter(
        organization__in=organization_ids, role__in=roles_with(Action.TEST)
    ).values_list("user", "organization"):
        if user_id in wanted:
            found[user_id].add(organization_id)
    return {user_id: frozenset(organizations) for user_id, organizations in found.items()}


def _key(facts: Facts, campaigns: tuple[Counted, ...]) -> str:
    means: list[tuple[object, ...]] = [tuple(facts), tuple(each.campaign_id for each in campaigns)]
    if tested := tuple(each.campaign_id for each in campaigns if each.test):
        means.append(tested)
    return blake2b(repr(tuple(means)).encode(), digest_size=16).hexdigest()


def _standing_ids(
    wanted: Mapping[str, tuple[Facts, tuple[Counted, ...]]], *, write: bool
) -> Mapping[str, int]:
    ids = dict(ChannelState.objects.filter(key__in=wanted).values_list("key", "pk"))
    missing = {key: standing for key, standing in wanted.items() if key not in ids}
    if not write:
        return defaultdict(int, ids)
    if not missing:
        return ids
    ChannelState.objects.bulk_create(
        [
            ChannelState(
                key=key,
                channel_id=facts.channel_id,
                livestream_id=facts.livestream_id,
                category_id=facts.category_id,
                opted_out=facts.opted_out,
            )
            for key, (facts, _) in sorted(missing.items())
        ],
        # Another worker may be storing the same one; in one order, so that neither waits for the other.
        ignore_conflicts=True,
    )
    ids |= dict(ChannelState.objects.filter(key__in=missing).values_list("key", "pk"))
    CountedCampaign.objects.bulk_create(
        [
            CountedCampaign(channelstate_id=ids[key], campaign_id=campaign_id, test=test)
            for key, (_, campaigns) in sorted(missing.items())
            for campaign_id, test in campaigns
        ],
        ignore_conflicts=True,
    )
    return ids

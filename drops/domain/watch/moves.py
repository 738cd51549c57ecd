"""Who of a batch of beats went on from one channel to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from drops.domain.watch import tallies
from drops.domain.watch.beats import MAX_SILENCE
from drops.domain.watch.store import LastCounted
from drops.domain.watch.terms import Counted
from drops.domain.watch.visits import Visit


class Move(NamedTuple):
    from_channel: int
    from_standing: int
    to_channel: int
    to_standing: int


class Moves:
    """Viewers who began to count on a channel within an hour after they had counted on another one."""

    def __init__(self) -> None:
        self._moves: Counter[Move] = Counter()

    def add(self, last: LastCounted | None, following: Visit) -> None:
        """`following` begins to count; `last` is what counted before."""
        if (
            last is not None
            and last.channel_id != following.channel_id
            and following.start - last.until <= MAX_SILENCE
        ):
            move = Move(last.channel_id, last.standing_id, following.channel_id, following.standing_id)
            self._moves[move] += 1

    @property
    def standing_ids(self) -> set[int]:
        return {standing_id for move in self._moves for standing_id in (move.from_standing, move.to_standing)}

    def write(self, campaigns: Mapping[int, Collection[Counted]]) -> None:
        """Each for the campaigns that both channels counted for, outside test mode. `campaigns`: by standing."""
        total: Counter[tuple[str, int, int]] = Counter()
        for move, times in self._moves.items():
            for counted in campaigns.get(move.from_standing, ()):
                if not counted.test and counted in campaigns.get(move.to_standing, ()):
                    total[counted.campaign_id, move.from_channel, move.to_channel] += times
        tallies.add_moves([(*key, times) for key, times in total.items()])

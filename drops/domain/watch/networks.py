"""Viewers of one network on one channel: counted each day and, where a limit is set, no more than it.

A viewer is counted where their first row of the day on the channel begins to count, in the network of the beat that
begins it, and from then on counts there for the rest of that day. Which network a viewer is in is stored nowhere.
docs/adr/0014 has the reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b

from django.conf import settings
from django.utils.crypto import salted_hmac

from config import addresses
from drops.domain.watch import store, tallies
from drops.domain.watch.beats import DAY, MAX_SILENCE, Beat
from drops.domain.watch.store import OpenRow
from drops.domain.watch.tallies import NetworkKey

# What one customer of a provider usually holds: 24 bits of an IPv4 address, 48 bits of an IPv6 address.
IPV4_BYTES, IPV6_BYTES = 3, 6


def network_of(address: str) -> int:
    """64 bits that stand for the network of `address`, by a key that is derived from SECRET_KEY; 0: no address."""
    packed = addresses.packed(address)
    if not packed:
        return 0
    prefix = packed[: IPV4_BYTES if len(packed) == 4 else IPV6_BYTES]
    digest = blake2b(prefix, digest_size=8, key=_key(settings.SECRET_KEY)).digest()
    return int.from_bytes(digest, "big", signed=True)


@cache
def _key(secret: str) -> bytes:
    return salted_hmac("drops.network", "", secret=secret, algorithm="sha256").digest()


class Networks:
    """The viewers of a batch who begin to count, with how many of their networks count already."""

    def __init__(self, beats: Iterable[Beat], rows: Iterable[OpenRow]) -> None:
        """`beats`: those that may begin a row that counts. `rows`: the open rows of their viewers."""
        self._limit: int = settings.WATCH_NETWORK_VIEWERS
        # (viewer, channel, day) that count already; viewers by (day, channel, network), and those of them that are new.
        self._counted = {(row.viewer_id, row.channel_id, row.start // DAY) for row in rows if not row.reason}
        self._viewers: dict[NetworkKey, int] = {}
        self._new: Counter[NetworkKey] = Counter()
        asked = self._asked(beats, {(row.viewer_id, row.channel_id): row.last for row in rows})
        if asked:
            since = min(day for _, _, day, _ in asked) * DAY
            self._counted |= store.counted_since({viewer_id for viewer_id, *_ in asked}, since)
        if self._limit:
            self._look_at(
                {
                    (day, channel_id, network)
                    for viewer_id, channel_id, day, network in asked
                    if (viewer_id, channel_id, day) not in self._counted
                }
            )

    def _asked(
        self, beats: Iterable[Beat], last: dict[tuple[int, int], int]
    ) -> set[tuple[int, int, int, int]]:
        """(viewer, channel, day, network) that are not known to count already. `last`: the ends of open visits."""
        asked = set()
        for viewer_id, channel_id, at, *_, network in beats:
            before = last.get((viewer_id, channel_id), at)
            last[viewer_id, channel_id] = max(before, at)
            for moment in (at, before) if at - before <= MAX_SILENCE else (at,):
                if network and (viewer_id, channel_id, moment // DAY) not in self._counted:
                    asked.add((viewer_id, channel_id, moment // DAY, network))
        return asked

    def _look_at(self, keys: set[NetworkKey]) -> None:
        """Read how many count, under a lock where there is room. A network that is full stays so, and nobody has to
        wait for it."""
        if keys:
            self._viewers |= dict.fromkeys(keys, 0) | tallies.networks(sorted(keys))
        if room := sorted(key for key in keys if self._viewers[key] < self._limit):
            self._viewers |= tallies.lock_networks(room)

    def refuse(self, beat: Beat, moment: int) -> bool:
        """Whether the beat's viewer must not begin to count at `moment`: their network has as many as may."""
        day = moment // DAY
        if not self._limit or not beat.network or (beat.viewer_id, beat.channel_id, day) in self._counted:
            return False
        key = day, beat.channel_id, beat.network
        if key not in self._viewers:
            self._look_at({key})
        return self._viewers[key] + self._new[key] >= self._limit

    def enter(self, beat: Beat, moment: int) -> None:
        """The beat's viewer counts at `moment`."""
        day = moment // DAY
        who = beat.viewer_id, beat.channel_id, day
        if who not in self._counted:
            self._counted.add(who)
            if beat.network:
                self._new[day, beat.channel_id, beat.network] += 1

    def write(self) -> None:
        channels: Counter[tuple[int, int]] = Counter()
        for (day, channel_id, _), viewers in self._new.items():
            channels[channel_id, day] += viewers
        tallies.add_networks([(*key, viewers) for key, viewers in self._new.items()])
        tallies.add_channel_days([(*key, viewers) for key, viewers in channels.items()])

"""What a batch of beats could not count, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from drops.domain.watch import tallies
from drops.domain.watch.beats import HOUR, parts
from drops.domain.watch.hourly import Earned
from drops.domain.watch.terms import Missed
from drops.domain.watch.timeline import Verdict
from drops.domain.watch.visits import Visit


class Uncounted:
    """Seconds that visits lasted without counting: for each campaign near the stream, and for no campaign at all.

    A campaign's own reason goes before that of the visit, as where a studio looks up a viewer.
    """

    def __init__(self) -> None:
        # (campaign, channel, hour, reason), (channel, hour, reason): seconds
        self._campaigns: Counter[tuple[str, int, int, str]] = Counter()
        self._channels: Counter[tuple[int, int, str]] = Counter()

    def add(self, visit: Visit, verdict: Verdict, reason: str, until: int) -> None:
        """The visit goes on until `until`, and counts for the campaigns of `verdict` unless there is a `reason`."""
        missed: list[tuple[str, str]] = [*verdict.missed]
        if reason:
            missed += [(campaign_id, reason) for campaign_id, test in verdict.campaigns if not test]
        elif not missed:
            return
        for start, end in parts(visit.last, until, HOUR):
            seconds = visit.seconds_until(end) - visit.seconds_until(start)
            if seconds:
                hour = start - start % HOUR
                for campaign_id, why in missed:
                    self._campaigns[campaign_id, visit.channel_id, hour, why] += seconds
                if reason:
                    self._channels[visit.channel_id, hour, reason] += seconds

    def add_steady(
        self, earned: Iterable[Sequence[Earned]], missed_by_channel: Mapping[int, Sequence[Missed]]
    ) -> None:
        """What counted on these channels did not count for other campaigns."""
        if missed_by_channel:
            for pieces in earned:
                for channel_id, _, hour, seconds, _ in pieces:
                    for campaign_id, reason in missed_by_channel.get(channel_id, ()):
                        self._campaigns[campaign_id, channel_id, hour, reason] += seconds

    def write(self) -> None:
        tallies.add_uncounted([(*key, seconds) for key, seconds in self._campaigns.items()])
        tallies.add_uncounted_on_channels([(*key, seconds) for key, seconds in self._channels.items()])

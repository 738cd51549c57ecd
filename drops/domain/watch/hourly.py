"""The hourly figures that a batch of beats adds to. What is watched in test mode is counted apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.conf import settings

from drops.domain.watch import tallies
from drops.domain.watch.pairs import Pair, pairs_of
from drops.domain.watch.terms import Counted
from drops.models import CampaignReward, CountedCampaign

# Seconds from one mark of the survival curve to the next, and how many there are: of a hundred hours.
MARK, MOST_MARKS = 300, 1_200


class Earned(NamedTuple):
    """Seconds that counted in one hour. `first`: this interval had none in this hour before."""

    channel_id: int
    standing_id: int
    hour: int
    seconds: int
    first: bool


class Mark(NamedTuple):
    """A viewer had at least one counted second on this channel, in this hour, in this state."""

    viewer_id: int
    channel_id: int
    standing_id: int
    hour: int


class Figures:
    """The hourly figures of a batch: each campaign's on each channel."""

    def __init__(
        self,
        earned: Mapping[int, Sequence[Earned]],
        campaigns: Mapping[int, Sequence[Counted]],
        before: Iterable[Mark],
    ) -> None:
        self._earned = earned
        self._campaigns = campaigns
        # (campaign, channel, hour): seconds, viewers, new viewers, and viewers who are new to the hour
        self._hours: defaultdict[tuple[Counted, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        # (campaign, reward, channel, hour): viewers who reached it, who of them saw the consent page, who had linked
        self._qualified: defaultdict[tuple[Counted, str, int, int], list[int]] = defaultdict(
            lambda: [0, 0, 0]
        )
        # The campaigns that count for a viewer for the first time, test mode left out; and with which others of the
        # organization they have the viewer in common from now on.
        self._began: defaultdict[int, list[str]] = defaultdict(list)
        self._pairs: Counter[Pair] = Counter()
        # (campaign, minutes): viewers who have watched for so long, from now on
        self._marks: Counter[tuple[str, int]] = Counter()
        campaign_ids = {campaign.campaign_id for each in campaigns.values() for campaign in each}
        self._rewards = _rewards(campaign_ids)
        # What is worth noting of a counter: its first second, and each reward.
        self._limits = {
            campaign_id: sorted([1, *(limit for limit, _ in self._rewards[campaign_id])])
            for campaign_id in campaign_ids
        }
        self._add_up(set(self._by_campaign(before)))

    def _by_campaign(self, marks: Iterable[Mark]) -> Iterator[tuple[int, int, int, Counted]]:
        for mark in marks:
            for campaign in self._campaigns[mark.standing_id]:
                yield mark.viewer_id, mark.channel_id, mark.hour, campaign

    def _add_up(self, seen: set[tuple[int, int, int, Counted]]) -> None:
        seconds: defaultdict[tuple[int, int, int], int] = defaultdict(int)
        # On any channel.
        seen_in_hour = {(viewer_id, hour, campaign) for viewer_id, _, hour, campaign in seen}
        for viewer_id, pieces in self._earned.items():
            for channel_id, standing_id, hour, earned, first in pieces:
                seconds[standing_id, channel_id, hour] += earned
                if first:
                    for mark in self._by_campaign([Mark(viewer_id, channel_id, standing_id, hour)]):
                        if mark not in seen:
                            seen.add(mark)
                            figures = self._hours[mark[3], channel_id, hour]
                            figures[1] += 1
                            if (viewer_id, hour, mark[3]) not in seen_in_hour:
                                seen_in_hour.add((viewer_id, hour, mark[3]))
                                figures[3] += 1
        for (standing_id, channel_id, hour), total in seconds.items():
            for campaign in self._campaigns[standing_id]:
                self._hours[campaign, channel_id, hour][0] += total

    def limits_of(self, campaign_id: str) -> list[int]:
        """What is worth noting of the campaign's counters, in seconds and in order, beside the marks: see `note`."""
        return self._limits[campaign_id]

    def note(
        self,
        viewer_id: int,
        campaign_id: str,
        test: bool,
        before: int,
        more: int,
        saw_connect_page: bool,
        linked: bool,
    ) -> None:
        """A viewer's counter grows from `before` seconds by `more`: note what it passes on the way."""
        after = before + more
        if after // MARK > before // MARK and not test:
            for number in range(before // MARK + 1, min(after // MARK, MOST_MARKS) + 1):
                self._marks[campaign_id, number * MARK // 60] += 1
        for limit in self._limits[campaign_id]:
            if before < limit <= after:
                self._pass_thresholds(
                    viewer_id,
                    Counted(campaign_id, test),
                    before,
                    saw_connect_page and not test,
                    linked and not test,
                )
                return

    def _pass_thresholds(
        self, viewer_id: int, campaign: Counted, counter: int, saw_connect_page: bool, linked: bool
    ) -> None:
        """Note where and when the viewer's counter left zero, and where it reached a reward."""
        for piece in self._earned[viewer_id]:
            if campaign not in self._campaigns[piece.standing_id]:
                continue
            if counter == 0:
                self._hours[campaign, piece.channel_id, piece.hour][2] += 1
                if not campaign.test:
                    self._began[viewer_id].append(campaign.campaign_id)
            for required, reward_id in self._rewards[campaign.campaign_id]:
                if counter < required <= counter + piece.seconds:
                    reached = self._qualified[campaign, reward_id, piece.channel_id, piece.hour]
                    reached[0] += 1
                    reached[1] += saw_connect_page
                    reached[2] += linked
            counter += piece.seconds

    def find_pairs(self) -> None:
        """Once every counter was noted, and before any is written."""
        self._pairs = pairs_of(self._began)

    def write(self) -> None:
        tallies.add_hours(
            [
                (campaign_id, channel_id, hour, test, seconds, viewers, new, new_to_hour)
                for ((campaign_id, test), channel_id, hour), (
                    seconds,
                    viewers,
                    new,
                    new_to_hour,
                ) in self._hours.items()
            ]
        )
        tallies.add_reward_hours(
            [
                (campaign_id, reward_id, channel_id, hour, test, viewers, saw, linked)
                for ((campaign_id, test), reward_id, channel_id, hour), (
                    viewers,
                    saw,
                    linked,
                ) in self._qualified.items()
            ]
        )
        # Any partition that this transaction has locked: nobody else writes to its rows meanwhile.
        partition = next(iter(self._earned)) % settings.WATCH_PARTITIONS
        tallies.add_marks(
            [
                (campaign_id, minutes, partition, viewers)
                for (campaign_id, minutes), viewers in self._marks.items()
            ]
        )
        tallies.add_pairs([(*pair, viewers) for pair, viewers in self._pairs.items()])


def campaigns_of(standing_ids: Collection[int]) -> dict[int, tuple[Counted, ...]]:
    found: dict[int, tuple[Counted, ...]] = {}
    if standing_ids:
        for standing_id, campaign_id, test in CountedCampaign.objects.filter(
            channelstate__in=standing_ids
        ).values_list("channelstate", "campaign", "test"):
            found[standing_id] = (*found.get(standing_id, ()), Counted(campaign_id, test))
    return found


def _rewards(campaign_ids: Collection[str]) -> Mapping[str, Sequence[tuple[int, str]]]:
    """(required seconds, reward) of each campaign."""
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for campaign_id, reward_id, minutes in CampaignReward.objects.filter(
        campaign__in=campaign_ids
    ).values_list("campaign", "reward", "required_minutes"):
        found[campaign_id].append((minutes * 60, reward_id))
    return found

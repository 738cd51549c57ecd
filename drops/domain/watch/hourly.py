"""The hourly figures that a batch of beats adds to. What is watched in test mode is counted apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from drops.domain.watch import store
from drops.domain.watch.pairs import Pair, pairs_of
from drops.domain.watch.terms import Counted
from drops.models import CampaignReward, CountedCampaign


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
        # (campaign, reward, channel, hour): viewers who reached it
        self._qualified: Counter[tuple[Counted, str, int, int]] = Counter()
        # The campaigns that count for a viewer for the first time, test mode left out; and with which others of the
        # organization they have the viewer in common from now on.
        self._began: defaultdict[int, list[str]] = defaultdict(list)
        self._pairs: Counter[Pair] = Counter()
        self.rewards = _rewards({campaign.campaign_id for each in campaigns.values() for campaign in each})
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

    def pass_thresholds(self, viewer_id: int, campaign: Counted, counter: int) -> None:
        """Note where and when the viewer's counter left zero, and where it reached a reward."""
        for piece in self._earned[viewer_id]:
            if campaign not in self._campaigns[piece.standing_id]:
                continue
            if counter == 0:
                self._hours[campaign, piece.channel_id, piece.hour][2] += 1
                if not campaign.test:
                    self._began[viewer_id].append(campaign.campaign_id)
            for required, reward_id in self.rewards[campaign.campaign_id]:
                if counter < required <= counter + piece.seconds:
                    self._qualified[campaign, reward_id, piece.channel_id, piece.hour] += 1
            counter += piece.seconds

    def find_pairs(self) -> None:
        """Once every counter was noted, and before any is written."""
        self._pairs = pairs_of(self._began)

    def write(self) -> None:
        store.add_hours(
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
        store.add_reward_hours(
            [
                (campaign_id, reward_id, channel_id, hour, test, viewers)
                for ((campaign_id, test), reward_id, channel_id, hour), viewers in self._qualified.items()
            ]
        )
        store.add_pairs([(*pair, viewers) for pair, viewers in self._pairs.items()])


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

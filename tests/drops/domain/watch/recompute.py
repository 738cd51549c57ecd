"""The figures of watch time, worked out from the raw intervals alone, the slow and obvious way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta

from drops.domain.watch.terms import Counted
from drops.models import (
    CampaignReward,
    ChannelDay,
    CountedCampaign,
    NetworkDay,
    Progress,
    RewardHour,
    WatchHour,
    WatchInterval,
)

HOUR = timedelta(hours=1)


def earned() -> list[tuple[int, Counted, int, datetime, int]]:
    """(viewer, campaign and whether in test mode, channel, hour, seconds) of all that counted, in the order of
    time."""
    found = []
    campaigns = defaultdict(list)
    for each in CountedCampaign.objects.all():
        campaigns[each.channelstate_id].append(Counted(each.campaign_id, each.test))
    for row in WatchInterval.objects.filter(reason="").order_by("started_at", "pk"):
        at = row.started_at
        while at < row.last_beat_at:
            hour = at.replace(minute=0, second=0, microsecond=0)
            stop = min(hour + HOUR, row.last_beat_at)
            second = timedelta(seconds=1)
            seconds = (stop - row.visit_started_at) // second - (at - row.visit_started_at) // second
            if seconds:
                found += [
                    (row.viewer_id, campaign, row.channel_id, hour, seconds)
                    for campaign in campaigns[row.standing_id]
                ]
            at = stop
    return found


def progress() -> dict[tuple[int, Counted], int]:
    total: defaultdict[tuple[int, Counted], int] = defaultdict(int)
    for viewer, campaign, _, _, seconds in earned():
        total[viewer, campaign] += seconds
    return dict(total)


def watch_hours() -> dict[tuple[Counted, int, datetime], tuple[int, int, int]]:
    seconds: defaultdict[tuple[Counted, int, datetime], int] = defaultdict(int)
    viewers: defaultdict[tuple[Counted, int, datetime], set[int]] = defaultdict(set)
    new: defaultdict[tuple[Counted, int, datetime], int] = defaultdict(int)
    known = set()
    for viewer, campaign, channel, hour, earned_seconds in earned():
        seconds[campaign, channel, hour] += earned_seconds
        viewers[campaign, channel, hour].add(viewer)
        if (viewer, campaign) not in known:
            known.add((viewer, campaign))
            new[campaign, channel, hour] += 1
    return {key: (seconds[key], len(viewers[key]), new[key]) for key in seconds}


def reward_hours() -> dict[tuple[Counted, str, int, datetime], int]:
    """By the thresholds as they are now: not what is stored if they were lowered meanwhile."""
    thresholds = defaultdict(list)
    for attached in CampaignReward.objects.all():
        thresholds[attached.campaign_id].append((attached.required_seconds, attached.reward_id))
    counter: defaultdict[tuple[int, Counted], int] = defaultdict(int)
    qualified: defaultdict[tuple[Counted, str, int, datetime], int] = defaultdict(int)
    for viewer, campaign, channel, hour, seconds in earned():
        before = counter[viewer, campaign]
        counter[viewer, campaign] = before + seconds
        for required, reward in thresholds[campaign.campaign_id]:
            if before < required <= before + seconds:
                qualified[campaign, reward, channel, hour] += 1
    return dict(qualified)


def stored_progress() -> dict[tuple[int, Counted], int]:
    return {
        (row.viewer_id, Counted(row.campaign_id, test)): seconds
        for row in Progress.objects.all()
        for test, seconds in ((False, row.seconds - row.test_seconds), (True, row.test_seconds))
        if seconds
    }


def qualified() -> dict[tuple[Counted, str], int]:
    """How many viewers have reached each reward by now, by campaign and reward."""
    found: defaultdict[tuple[Counted, str], int] = defaultdict(int)
    for (_, campaign), seconds in progress().items():
        for attached in CampaignReward.objects.filter(campaign=campaign.campaign_id):
            if seconds >= attached.required_seconds:
                found[campaign, attached.reward_id] += 1
    return dict(found)


def stored_qualified() -> dict[tuple[Counted, str], int]:
    found: defaultdict[tuple[Counted, str], int] = defaultdict(int)
    for row in RewardHour.objects.all():
        found[Counted(row.campaign_id, row.test), row.reward_id] += row.qualified
    return dict(found)


def stored_watch_hours() -> dict[tuple[Counted, int, datetime], tuple[int, int, int]]:
    return {
        (Counted(row.campaign_id, row.test), row.channel_id, row.hour): (
            row.seconds,
            row.viewers,
            row.new_viewers,
        )
        for row in WatchHour.objects.all()
    }


def stored_reward_hours() -> dict[tuple[Counted, str, int | None, datetime], int]:
    return {
        (Counted(row.campaign_id, row.test), row.reward_id, row.channel_id, row.hour): row.qualified
        for row in RewardHour.objects.all()
    }


def network_days(network_of: Callable[[int], int]) -> dict[tuple[date, int, int], int]:
    """Different viewers by day, channel and network. `network_of` a viewer: they never moved to another one."""
    viewers = defaultdict(set)
    for viewer, channel, started_at in WatchInterval.objects.filter(reason="").values_list(
        "viewer", "channel", "started_at"
    ):
        viewers[started_at.date(), channel, network_of(viewer)].add(viewer)
    return {key: len(those) for key, those in viewers.items()}


def stored_network_days() -> dict[tuple[date, int, int], int]:
    """Without the rows of networks that nobody counted from: locking them made them."""
    rows = NetworkDay.objects.filter(viewers__gt=0).values_list("day", "channel", "network", "viewers")
    return {tuple(key): viewers for *key, viewers in rows}


def channel_days(networks: dict[tuple[date, int, int], int]) -> dict[tuple[date, int], int]:
    viewers: defaultdict[tuple[date, int], int] = defaultdict(int)
    for (day, channel, _), number in networks.items():
        viewers[day, channel] += number
    return dict(viewers)


def stored_channel_days() -> dict[tuple[date, int], int]:
    rows = ChannelDay.objects.values_list("day", "channel", "viewers")
    return {(day, channel): viewers for day, channel, viewers in rows}

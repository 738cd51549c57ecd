"""The figures of watch time, worked out from the raw intervals alone, the slow and obvious way."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from drops.models import CampaignReward, RewardHour, WatchHour, WatchInterval

HOUR = timedelta(hours=1)


def earned() -> list[tuple[int, str, int, datetime, int]]:
    """(viewer, campaign, channel, hour, seconds) of all that counted, in the order of time."""
    found = []
    rows = WatchInterval.objects.filter(reason="").order_by("started_at", "pk")
    for row in rows.prefetch_related("standing__campaigns"):
        at = row.started_at
        while at < row.last_beat_at:
            hour = at.replace(minute=0, second=0, microsecond=0)
            stop = min(hour + HOUR, row.last_beat_at)
            second = timedelta(seconds=1)
            seconds = (stop - row.visit_started_at) // second - (at - row.visit_started_at) // second
            if seconds:
                found += [
                    (row.viewer_id, campaign.pk, row.channel_id, hour, seconds)
                    for campaign in row.standing.campaigns.all()
                ]
            at = stop
    return found


def progress() -> dict[tuple[int, str], int]:
    total: defaultdict[tuple[int, str], int] = defaultdict(int)
    for viewer, campaign, _, _, seconds in earned():
        total[viewer, campaign] += seconds
    return dict(total)


def watch_hours() -> dict[tuple[str, int, datetime], tuple[int, int, int]]:
    seconds: defaultdict[tuple[str, int, datetime], int] = defaultdict(int)
    viewers: defaultdict[tuple[str, int, datetime], set[int]] = defaultdict(set)
    new: defaultdict[tuple[str, int, datetime], int] = defaultdict(int)
    known = set()
    for viewer, campaign, channel, hour, earned_seconds in earned():
        seconds[campaign, channel, hour] += earned_seconds
        viewers[campaign, channel, hour].add(viewer)
        if (viewer, campaign) not in known:
            known.add((viewer, campaign))
            new[campaign, channel, hour] += 1
    return {key: (seconds[key], len(viewers[key]), new[key]) for key in seconds}


def reward_hours() -> dict[tuple[str, str, int, datetime], int]:
    thresholds = defaultdict(list)
    for attached in CampaignReward.objects.all():
        thresholds[attached.campaign_id].append((attached.required_seconds, attached.reward_id))
    counter: defaultdict[tuple[int, str], int] = defaultdict(int)
    qualified: defaultdict[tuple[str, str, int, datetime], int] = defaultdict(int)
    for viewer, campaign, channel, hour, seconds in earned():
        before = counter[viewer, campaign]
        counter[viewer, campaign] = before + seconds
        for required, reward in thresholds[campaign]:
            if before < required <= before + seconds:
                qualified[campaign, reward, channel, hour] += 1
    return dict(qualified)


def stored_watch_hours() -> dict[tuple[str, int, datetime], tuple[int, int, int]]:
    return {
        (row.campaign_id, row.channel_id, row.hour): (row.seconds, row.viewers, row.new_viewers)
        for row in WatchHour.objects.all()
    }


def stored_reward_hours() -> dict[tuple[str, str, int, datetime], int]:
    return {
        (row.campaign_id, row.reward_id, row.channel_id, row.hour): row.qualified
        for row in RewardHour.objects.all()
    }

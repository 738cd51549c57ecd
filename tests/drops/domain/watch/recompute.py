"""The figures of watch time, worked out from the raw intervals alone, the slow and obvious way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise

from django.db.models import F, QuerySet

from drops.domain.watch.terms import Counted, Facts, Terms, judge
from drops.models import (
    Campaign,
    CampaignPair,
    CampaignReward,
    ChannelDay,
    ChannelMove,
    ChannelUncountedHour,
    ConnectHour,
    CountedCampaign,
    FormerTerms,
    NetworkDay,
    Progress,
    RewardHour,
    UncountedHour,
    WatchHour,
    WatchInterval,
    WatchMark,
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


def watch_hours() -> dict[tuple[Counted, int, datetime], tuple[int, int, int, int]]:
    seconds: defaultdict[tuple[Counted, int, datetime], int] = defaultdict(int)
    viewers: defaultdict[tuple[Counted, int, datetime], set[int]] = defaultdict(set)
    new: defaultdict[tuple[Counted, int, datetime], int] = defaultdict(int)
    new_to_hour: defaultdict[tuple[Counted, int, datetime], int] = defaultdict(int)
    known, known_in_hour = set(), set()
    for viewer, campaign, channel, hour, earned_seconds in earned():
        seconds[campaign, channel, hour] += earned_seconds
        viewers[campaign, channel, hour].add(viewer)
        if (viewer, campaign) not in known:
            known.add((viewer, campaign))
            new[campaign, channel, hour] += 1
        if (viewer, campaign, hour) not in known_in_hour:
            known_in_hour.add((viewer, campaign, hour))
            new_to_hour[campaign, channel, hour] += 1
    return {key: (seconds[key], len(viewers[key]), new[key], new_to_hour[key]) for key in seconds}


def uncounted() -> dict[tuple[str, int, datetime, str], int]:
    """Seconds by campaign, channel, hour and reason that did not count for campaigns near the stream."""
    found: defaultdict[tuple[str, int, datetime, str], int] = defaultdict(int)
    spans = [span for campaign in Campaign.objects.all() for span in _spans(campaign)]
    for row in _rows_of_viewers():
        facts = Facts(
            row.channel_id, row.standing.livestream_id, row.standing.category_id, row.standing.opted_out
        )
        counted = {campaign.pk for campaign in row.standing.campaigns.all()} if not row.reason else set()
        for begins, ends, terms in spans:
            first, last = max(begins, row.started_at), min(ends, row.last_beat_at)
            is_near = (
                terms.category_id in (None, facts.category_id)
                if terms.channel_ids is None
                else facts.channel_id in terms.channel_ids
            )
            if first >= last or not is_near or terms.test_mode or terms.campaign_id in counted:
                continue
            reason = judge(facts, terms, is_member=False) or row.reason
            for hour, seconds in _seconds_by_hour(row, first, last):
                found[terms.campaign_id, row.channel_id, hour, reason] += seconds
    return {key: seconds for key, seconds in found.items() if seconds}


def uncounted_on_channels() -> dict[tuple[int, datetime, str], int]:
    found: defaultdict[tuple[int, datetime, str], int] = defaultdict(int)
    for row in _rows_of_viewers():
        if row.reason:
            for hour, seconds in _seconds_by_hour(row, row.started_at, row.last_beat_at):
                found[row.channel_id, hour, row.reason] += seconds
    return {key: seconds for key, seconds in found.items() if seconds}


def _rows_of_viewers() -> QuerySet[WatchInterval]:
    rows = WatchInterval.objects.exclude(channel__owner=F("viewer"))
    return rows.select_related("standing").prefetch_related("standing__campaigns")


def _seconds_by_hour(row: WatchInterval, first: datetime, last: datetime) -> Iterator[tuple[datetime, int]]:
    second = timedelta(seconds=1)
    while first < last:
        hour = first.replace(minute=0, second=0, microsecond=0)
        stop = min(hour + HOUR, last)
        yield hour, (stop - row.visit_started_at) // second - (first - row.visit_started_at) // second
        first = stop


def _spans(campaign: Campaign) -> Iterator[tuple[datetime, datetime, Terms]]:
    """When the campaign was live, and what it asked for then."""
    if campaign.published_at is None:
        return
    begin = campaign.published_at
    listed = list(campaign.allowed_channels.values_list("channel_id", flat=True))
    last = datetime.max.replace(tzinfo=UTC)
    for was in (
        *FormerTerms.objects.filter(campaign=campaign).order_by("until", "pk"),
        FormerTerms(
            until=last,
            category_id=campaign.category_id,
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            test_mode=campaign.test_mode,
            channel_ids=listed,
        ),
    ):
        terms = Terms(
            campaign.pk,
            campaign.organization_id,
            was.category_id,
            was.test_mode,
            frozenset(was.channel_ids) or None,
        )
        yield (
            max(begin, was.starts_at),
            min(was.until, was.ends_at, campaign.withdrawn_at or last),
            terms,
        )
        begin = was.until


def moves() -> dict[tuple[str, int, int], int]:
    """How often viewers went on from one channel to another within an hour, by campaign."""
    found: defaultdict[tuple[str, int, int], int] = defaultdict(int)
    campaigns = defaultdict(set)
    for each in CountedCampaign.objects.filter(test=False):
        campaigns[each.channelstate_id].add(each.campaign_id)
    rows = WatchInterval.objects.filter(reason="").order_by("viewer", "started_at", "pk")
    for before, after in pairwise(rows):
        if (
            before.viewer_id == after.viewer_id
            and before.channel_id != after.channel_id
            and after.started_at - before.last_beat_at <= HOUR
        ):
            for campaign in campaigns[before.standing_id] & campaigns[after.standing_id]:
                found[campaign, before.channel_id, after.channel_id] += 1
    return dict(found)


def stored_uncounted() -> dict[tuple[str, int, datetime, str], int]:
    rows = UncountedHour.objects.values_list("campaign", "channel", "hour", "reason", "seconds")
    return {(*key,): seconds for *key, seconds in rows}


def stored_uncounted_on_channels() -> dict[tuple[int, datetime, str], int]:
    rows = ChannelUncountedHour.objects.values_list("channel", "hour", "reason", "seconds")
    return {(*key,): seconds for *key, seconds in rows}


def stored_moves() -> dict[tuple[str, int, int], int]:
    rows = ChannelMove.objects.values_list("campaign", "from_channel", "to_channel", "moves")
    return {(*key,): times for *key, times in rows}


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


def connected() -> dict[tuple[str, str], tuple[int, int, int]]:
    """By campaign and reward, of those who have reached it outside test mode: who saw the studio's consent page, who
    had linked before they reached it, and who linked afterwards."""
    found = {}
    for attached in CampaignReward.objects.all():
        required = attached.required_seconds
        rows = [
            row
            for row in Progress.objects.filter(campaign=attached.campaign_id)
            if row.seconds - row.test_seconds >= required
        ]
        moments = [row.seconds_when_linked for row in rows if row.seconds_when_linked is not None]
        before = sum(moment < required for moment in moments)
        counts = (sum(row.saw_connect_page for row in rows), before, len(moments) - before)
        if any(counts):
            found[attached.campaign_id, attached.reward_id] = counts
    return found


def stored_connected() -> dict[tuple[str, str], tuple[int, int, int]]:
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in RewardHour.objects.all():
        assert not row.test or (row.saw_connect_page, row.linked) == (0, 0)
        found[row.campaign_id, row.reward_id][0] += row.saw_connect_page
        found[row.campaign_id, row.reward_id][1] += row.linked
    for row in ConnectHour.objects.all():
        found[row.campaign_id, row.reward_id][0] += row.saw_connect_page
        found[row.campaign_id, row.reward_id][2] += row.linked
    return {key: tuple(counts) for key, counts in found.items() if any(counts)}


def marks() -> dict[tuple[str, int], int]:
    """By campaign and minutes: how many viewers have watched for so long."""
    found: defaultdict[tuple[str, int], int] = defaultdict(int)
    for (_, campaign), seconds in progress().items():
        for minutes in range(5, seconds // 60 + 1, 5) if not campaign.test else ():
            found[campaign.campaign_id, minutes] += 1
    return dict(found)


def stored_marks() -> dict[tuple[str, int], int]:
    found: defaultdict[tuple[str, int], int] = defaultdict(int)
    for row in WatchMark.objects.all():
        found[row.campaign_id, row.minutes] += row.viewers
    return dict(found)


def stored_watch_hours() -> dict[tuple[Counted, int, datetime], tuple[int, int, int, int | None]]:
    return {
        (Counted(row.campaign_id, row.test), row.channel_id, row.hour): (
            row.seconds,
            row.viewers,
            row.new_viewers,
            row.new_to_hour,
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


def pairs() -> dict[tuple[str, str], int]:
    campaigns: defaultdict[int, set[str]] = defaultdict(set)
    for viewer, campaign, *_rest in earned():
        if not campaign.test:
            campaigns[viewer].add(campaign.campaign_id)
    organizations = dict(Campaign.objects.values_list("pk", "organization"))
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for each in campaigns.values():
        for first, second in combinations(sorted(each), 2):
            if organizations[first] == organizations[second]:
                found[first, second] += 1
    return dict(found)


def stored_pairs() -> dict[tuple[str, str], int]:
    rows = CampaignPair.objects.values_list("first", "second", "viewers")
    return {(first, second): viewers for first, second, viewers in rows}

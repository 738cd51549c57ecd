"""The counters of watch time that a batch of beats adds to: one for each viewer and campaign.

A reward is a threshold on them. The hourly figures count who reaches it: when a counter passes the threshold, and
when the threshold falls below the counter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Q

from drops.domain.watch import store
from drops.domain.watch.hourly import Earned, Figures
from drops.domain.watch.terms import Counted
from drops.models import Campaign, CampaignReward, Progress, RewardHour


def add_to_counters(
    earned: Mapping[int, Sequence[Earned]],
    campaigns: Mapping[int, Sequence[Counted]],
    figures: Figures,
    *,
    now: datetime,
) -> None:
    """Add what each viewer earned, and tell `figures` whose counter left zero or reached a reward.

    Two counts share a row, of what was watched in test mode and of the rest. Each begins at zero and reaches
    rewards in the figures; the viewer has the sum of both.
    """
    campaign_ids = sorted({campaign.campaign_id for each in campaigns.values() for campaign in each})
    numbers = {campaign_id: number for number, campaign_id in enumerate(campaign_ids)}
    # Seconds by viewer, for each campaign: outside test mode, and in it.
    public: list[dict[int, int]] = [{} for _ in campaign_ids]
    tested: list[dict[int, int]] = [{} for _ in campaign_ids]
    of_standing = {
        standing_id: [(tested if test else public)[numbers[campaign_id]] for campaign_id, test in each]
        for standing_id, each in campaigns.items()
    }
    for viewer_id, pieces in earned.items():
        for _, standing_id, _, seconds, _ in pieces:
            for due in of_standing[standing_id]:
                due[viewer_id] = due.get(viewer_id, 0) + seconds

    # What is worth noting: the first second, and each reward.
    limits = [[1, *(limit for limit, _ in figures.rewards[name])] for name in campaign_ids]

    def note(viewer_id: int, number: int, test: bool, before: int, more: int) -> None:
        for limit in limits[number]:
            if before < limit <= before + more:
                figures.pass_thresholds(viewer_id, Counted(campaign_ids[number], test), before)
                return

    added, added_in_test = [], []
    for row_id, viewer_id, number, seconds, test_seconds in store.progress(earned, campaign_ids):
        if more := public[number].pop(viewer_id, 0):
            added.append((more, row_id))
            note(viewer_id, number, False, seconds - test_seconds, more)
        if more := tested[number].pop(viewer_id, 0):
            added_in_test.append((more, row_id))
            note(viewer_id, number, True, test_seconds, more)
    begun = []
    for number, campaign_id in enumerate(campaign_ids):
        for viewer_id in public[number] | tested[number]:
            seconds, test_seconds = public[number].get(viewer_id, 0), tested[number].get(viewer_id, 0)
            begun.append((viewer_id, campaign_id, seconds + test_seconds, test_seconds))
            note(viewer_id, number, False, 0, seconds)
            note(viewer_id, number, True, 0, test_seconds)
    figures.find_pairs()
    store.add_progress(added, now=now)
    store.add_test_progress(added_in_test, now=now)
    store.begin_progress(begun, now=now)


def count_reached(*, campaign: Campaign, before: Mapping[str, int], now: datetime) -> None:
    """Count the viewers who reach rewards of `campaign` because fewer minutes are required from now on.

    `before`: the minutes that were required, by reward id; a reward that is not among them is new. Call it in the
    transaction that changed them. Nobody is credited until that ends, so nobody is missed or counted twice.
    """
    lowered = [
        (entry, before.get(entry.reward_id))
        for entry in campaign.campaign_rewards.all()
        if entry.required_minutes < before.get(entry.reward_id, entry.required_minutes + 1)
    ]
    if not lowered:
        return
    store.lock_partitions(range(settings.WATCH_PARTITIONS))
    counted = {
        (entry, test): Count("pk", filter=_reaches(f"{name}_seconds", entry, minutes))
        for entry, minutes in lowered
        for test, name in ((False, "public"), (True, "test"))
    }
    found = (
        Progress.objects.filter(campaign=campaign)
        .annotate(public_seconds=F("seconds") - F("test_seconds"))
        .aggregate(**{f"count_{number}": count for number, count in enumerate(counted.values())})
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    RewardHour.objects.bulk_create(
        RewardHour(campaign=campaign, reward_id=entry.reward_id, hour=hour, test=test, qualified=viewers)
        for (entry, test), viewers in zip(counted, found.values(), strict=True)
        if viewers
    )


def _reaches(counter: str, entry: CampaignReward, before: int | None) -> Q:
    reaches = Q(**{f"{counter}__gte": entry.required_seconds})
    return reaches if before is None else reaches & Q(**{f"{counter}__lt": before * 60})

"""The counters of watch time that a batch of beats adds to: one for each viewer and campaign.

A reward is a threshold on them. The hourly figures count who reaches it: when a counter passes the threshold, and
when the threshold falls below the counter.
"""

from __future__ import annotations

from bisect import bisect_right as bisect
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Q

from drops.domain.watch import store, tallies
from drops.domain.watch.hourly import MARK, Earned, Figures
from drops.domain.watch.terms import Counted
from drops.models import Campaign, Progress, RewardHour
from drops.models.fields import to_ms


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

    added, added_in_test = [], []
    limits = [figures.limits_of(campaign_id) for campaign_id in campaign_ids]
    for row_id, viewer_id, number, seconds, test_seconds, saw, linked in store.progress(earned, campaign_ids):
        if more := public[number].pop(viewer_id, 0):
            added.append((more, row_id))
            before = seconds - test_seconds
            after = before + more
            # Nearly every counter passes nothing: that is found out here, without a call for each.
            if before // MARK != after // MARK or bisect(limits[number], before) != bisect(
                limits[number], after
            ):
                figures.note(viewer_id, campaign_ids[number], False, before, more, saw, linked)
        if more := tested[number].pop(viewer_id, 0):
            added_in_test.append((more, row_id))
            figures.note(viewer_id, campaign_ids[number], True, test_seconds, more, saw, linked)
    begun = []
    # Who is left has no counter yet.
    beginning = [public[number] | tested[number] for number in range(len(campaign_ids))]
    connections = _connections(set().union(*beginning), campaign_ids)
    for number, campaign_id in enumerate(campaign_ids):
        for viewer_id in beginning[number]:
            seconds, test_seconds = public[number].get(viewer_id, 0), tested[number].get(viewer_id, 0)
            saw, linked = connections.get((viewer_id, campaign_id), (False, False))
            begun.append(
                (viewer_id, campaign_id, seconds + test_seconds, test_seconds, saw, 0 if linked else None)
            )
            figures.note(viewer_id, campaign_id, False, 0, seconds, saw, linked)
            figures.note(viewer_id, campaign_id, True, 0, test_seconds, saw, linked)
    figures.find_pairs()
    store.add_progress(added, now=now)
    store.add_test_progress(added_in_test, now=now)
    store.begin_progress(begun, now=now)


def _connections(
    viewer_ids: Collection[int], campaign_ids: Sequence[str]
) -> Mapping[tuple[int, str], tuple[bool, bool]]:
    """Whether viewers saw the consent page of a campaign's studio, and whether they are linked; neither, if missing."""
    found: dict[tuple[int, str], tuple[bool, bool]] = {}
    for viewer_id, campaign_id, linked in store.connections(viewer_ids, campaign_ids) if viewer_ids else ():
        key = viewer_id, campaign_id
        found[key] = (True, linked or found.get(key, (True, False))[1])
    return found


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
    counts = {}
    for number, (entry, minutes) in enumerate(lowered):
        reaches = Q(public_seconds__gte=entry.required_seconds)
        newly = reaches if minutes is None else reaches & Q(public_seconds__lt=minutes * 60)
        in_test = Q(test_seconds__gte=entry.required_seconds)
        if minutes is not None:
            in_test &= Q(test_seconds__lt=minutes * 60)
            # Who had the reward already may have linked before the threshold of until now, and after the new one.
            had = Q(
                public_seconds__gte=minutes * 60,
                seconds_when_linked__gte=entry.required_seconds,
                seconds_when_linked__lt=minutes * 60,
            )
            counts[f"moved_{number}"] = Count("pk", filter=had)
        counts |= {
            f"qualified_{number}": Count("pk", filter=newly),
            f"saw_{number}": Count("pk", filter=newly & Q(saw_connect_page=True)),
            f"before_{number}": Count("pk", filter=newly & Q(seconds_when_linked__lt=entry.required_seconds)),
            f"after_{number}": Count("pk", filter=newly & Q(seconds_when_linked__gte=entry.required_seconds)),
            f"tested_{number}": Count("pk", filter=in_test),
        }
    found = (
        Progress.objects.filter(campaign=campaign)
        .annotate(public_seconds=F("seconds") - F("test_seconds"))
        .aggregate(**counts)
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows, later = [], []
    for number, (entry, _) in enumerate(lowered):
        row = RewardHour(campaign=campaign, reward_id=entry.reward_id, hour=hour)
        moved = found.get(f"moved_{number}", 0)
        row.qualified, row.saw_connect_page = found[f"qualified_{number}"], found[f"saw_{number}"]
        row.linked = found[f"before_{number}"] - moved
        if row.qualified or moved:
            rows.append(row)
        if tested := found[f"tested_{number}"]:
            rows.append(
                RewardHour(
                    campaign=campaign, reward_id=entry.reward_id, hour=hour, test=True, qualified=tested
                )
            )
        if after := found[f"after_{number}"] + moved:
            later.append((campaign.pk, entry.reward_id, to_ms(hour), 0, after))
    RewardHour.objects.bulk_create(rows)
    tallies.add_connect_hours(later)

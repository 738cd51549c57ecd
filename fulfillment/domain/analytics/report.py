"""All of a campaign's figures at one moment: the one source of its files, of the API and of the weekly mail.

Each figure is read by the function that its page reads it by, so that all say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from config.rounding import whole_minutes
from drops.domain.readings import counted_up_to_age
from drops.domain.watch.figures import Totals, by_channel, totals, viewers_qualified
from drops.models import Campaign
from fulfillment.domain.analytics import fulfilment, uncounted
from fulfillment.domain.analytics.daily import Day, daily
from fulfillment.domain.analytics.funnel import funnel_of
from fulfillment.domain.analytics.groups import shown
from fulfillment.domain.analytics.status_words import status_words
from fulfillment.domain.analytics.stopping import watched_for
from fulfillment.domain.analytics.tables import Cell, Table, endpoints_table
from fulfillment.domain.claims.reading import claimed_by_reward
from fulfillment.models import INITIATED


@dataclass(frozen=True, slots=True)
class Whole:
    """Of the whole campaign. `as_of`: until when what was watched is counted, None where nobody knows;
    `fulfilled_as_of`: until when the deliveries are."""

    as_of: datetime | None
    fulfilled_as_of: datetime | None
    totals: Totals
    claimed: int


def whole(*, campaign: Campaign, now: datetime) -> Whole:
    """Three queries."""
    age = counted_up_to_age(now=now)
    return Whole(
        as_of=None if age is None else now - timedelta(seconds=age),
        fulfilled_as_of=fulfilment.counted_until(),
        totals=totals([campaign])[campaign.pk],
        claimed=sum(claimed_by_reward(campaign).values()),
    )


def _days(campaign: Campaign) -> Table:
    return days_table(daily(campaign=campaign))


def _rewards(campaign: Campaign) -> Table:
    reached, claimed = viewers_qualified(campaign=campaign), claimed_by_reward(campaign)
    entries = campaign.campaign_rewards.select_related("reward").order_by("position", "pk")
    rows: list[tuple[Cell, ...]] = [
        (
            entry.reward_id,
            entry.reward.name,
            entry.required_minutes,
            reached.get(entry.reward_id, 0),
            claimed.get(entry.reward_id, 0),
        )
        for entry in entries
    ]
    return Table(("reward_id", "name", "required_minutes", "qualified", "claims"), rows)


def _channels(campaign: Campaign) -> Table:
    """Those on which something counted, the most first."""
    lost = {channel_id: seconds for channel_id, seconds, _reasons in uncounted.by_channel(campaign)}
    rows: list[tuple[Cell, ...]] = [
        (
            each.channel.pk,
            each.channel.slug,
            each.minutes,
            shown(each.new_viewers),
            whole_minutes(lost.get(each.channel.pk, 0)),
        )
        for each in by_channel(campaign, limit=None)
    ]
    columns = ("channel_id", "slug", "watched_minutes", "new_viewers", "uncounted_minutes")
    return Table(columns, rows)


def _uncounted(campaign: Campaign) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (reason.value, whole_minutes(seconds)) for reason, seconds in uncounted.by_reason(campaign).items()
    ]
    return Table(("reason", "minutes"), rows)


def _funnel(campaign: Campaign) -> Table:
    """By reward, the one that takes the least first."""
    rows: list[tuple[Cell, ...]] = [
        (
            attached.reward_id,
            counts.reached,
            counts.saw_connect_page,
            counts.linked_before,
            counts.linked_after,
            counts.claims,
            counts.delivered,
            counts.acknowledged,
        )
        for attached, counts in funnel_of(campaign).rewards
    ]
    columns = ("reached", "saw_connect_page", "linked_before", "linked_after", "claims", "delivered")
    return Table(("reward_id", *columns, "acknowledged"), rows)


def _watched_for(campaign: Campaign) -> Table:
    """How many viewers have watched for so many minutes or more."""
    return Table(
        ("minutes", "viewers"), [(each, shown(count)) for each, count in watched_for(campaign).items()]
    )


def _statuses(campaign: Campaign) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (word.word, word.now, word.ever)
        if word.word == INITIATED
        else (word.word, shown(word.now), shown(word.ever))
        for word in status_words(campaign).words
    ]
    return Table(("status", "now", "ever"), rows)


def _endpoints(campaign: Campaign) -> Table:
    return endpoints_table(fulfilment.fulfilment(campaign=campaign).by_endpoint)


# By the name of the file and of the API's field. Each has the same number of queries, whatever number of viewers,
# rewards, channels and days there is.
TABLES: dict[str, Callable[[Campaign], Table]] = {
    "days": _days,
    "rewards": _rewards,
    "funnel": _funnel,
    "watched_for": _watched_for,
    "channels": _channels,
    "uncounted": _uncounted,
    "endpoints": _endpoints,
    "statuses": _statuses,
}


def days_table(days: Iterable[Day]) -> Table:
    """Days in UTC; the rewards of a day together."""
    rows: list[tuple[Cell, ...]] = [
        (
            day.date.isoformat(),
            day.watched_minutes,
            day.new_viewers,
            sum(day.qualified.values()),
            sum(day.claims.values()),
        )
        for day in days
    ]
    return Table(("date", "watched_minutes", "new_viewers", "qualified", "claims"), rows)


class Sums(NamedTuple):
    watched_minutes: int
    new_viewers: int
    qualified: int
    claims: int


def sums_of(days: Iterable[Day], *, since: date, until: date) -> Sums:
    """Of the days from `since` on and before `until`."""
    within = [row for row in days_table(days).rows if since.isoformat() <= str(row[0]) < until.isoformat()]
    return Sums(*(sum(int(row[place] or 0) for row in within) for place in range(1, 5)))

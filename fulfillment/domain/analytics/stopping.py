"""Where viewers stop watching, and how many more would have a reward if it took less.

Crediting counts who has watched for 5, 10, 15 and so on minutes, up to a hundred hours (`WatchMark`). What a threshold
in between would bring is not known, so such a threshold is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import Sum

from drops.domain.watch.figures import totals
from drops.domain.watch.hourly import MARK, MOST_MARKS
from drops.models import Campaign, WatchMark

EVERY = MARK // 60
LONGEST = MOST_MARKS * EVERY
# Minutes in which viewers are told to have stopped.
BAND = 15


class Band(NamedTuple):
    """Viewers who watched for `start` minutes or more and less than `end`."""

    start: int
    end: int
    viewers: int


def watched_for(campaign: Campaign) -> dict[int, int]:
    """By minutes, 0, 5, 10 and so on: how many viewers have watched for so long. Of 0, who has a second of it. The last
    that anybody has reached is the end. Two queries."""
    marks = WatchMark.objects.filter(campaign=campaign).order_by("minutes")
    found = {0: totals([campaign])[campaign.pk].viewers}
    found |= dict(marks.values_list("minutes").annotate(Sum("viewers")))
    return found


def bands(watched: Mapping[int, int], *, until: int) -> list[Band]:
    """The minutes before `until` in parts of a quarter of an hour."""
    starts = range(0, until, BAND)
    return [
        Band(start, start + BAND, watched.get(start, 0) - watched.get(start + BAND, 0)) for start in starts
    ]

"""No figure names a viewer: the one rule by which small groups are hidden.

The totals of a campaign and of a reward (minutes, viewers, earned, claimed) are exact, as Kick's are: claims are
listed one by one anyway. What divides viewers further (by channel and hour, by where they came from, by what they did
not do) passes through here. A figure that is hidden is None: null in JSON, an empty cell in a CSV file, and on pages
"fewer than 5" (`{{ count|viewers }}` of `templatetags/numbers.py`). Zero is nobody, and is said.
"""

from __future__ import annotations

from drops.models import SMALLEST_GROUP


def shown(viewers: int) -> int | None:
    """A count of viewers as it may be told: None if they are fewer than five."""
    return None if 0 < viewers < SMALLEST_GROUP else viewers

"""How numbers are rounded, in one way everywhere: what was watched down, what is still missing up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, pairwise


def whole_minutes(seconds: int) -> int:
    """Full minutes of watch time."""
    return seconds // 60


def minutes_that_add_up(seconds: Iterable[int]) -> list[int]:
    """The minutes of consecutive periods. Their sum is the minutes of the whole, which rounding each would miss."""
    reached = [whole_minutes(total) for total in accumulate(seconds, initial=0)]
    return [after - before for before, after in pairwise(reached)]


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient of integers, rounded up."""
    return -(-dividend // divisor)

"""How numbers are rounded, in one way everywhere: what was watched down, what is still missing up."""

from __future__ import annotations


def whole_minutes(seconds: int) -> int:
    """Full minutes of watch time."""
    return seconds // 60


def ceil_div(dividend: int, divisor: int) -> int:
    """The quotient of integers, rounded up."""
    return -(-dividend // divisor)

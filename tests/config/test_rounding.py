"""Minutes are rounded in one way."""

from __future__ import annotations

from config.rounding import ceil_div, minutes_that_add_up, whole_minutes


def test_what_was_watched_is_rounded_down_and_what_is_missing_up() -> None:
    assert [whole_minutes(seconds) for seconds in (0, 59, 60, 119)] == [0, 0, 1, 1]
    assert [ceil_div(seconds, 60) for seconds in (0, 1, 60, 61)] == [0, 1, 1, 2]


def test_the_minutes_of_days_add_up_to_those_of_the_whole() -> None:
    seconds = [90, 90, 59, 0, 61]
    assert minutes_that_add_up(seconds) == [1, 2, 0, 0, 2]
    assert sum(minutes_that_add_up(seconds)) == whole_minutes(sum(seconds))
    assert minutes_that_add_up([]) == []

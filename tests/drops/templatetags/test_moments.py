from __future__ import annotations

from datetime import timedelta

import pytest

from drops.templatetags.moments import hours, in_words, time_left


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(days=3, hours=23), "3 days"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1, hours=23, minutes=59), "47 hours"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(hours=1, minutes=59), "119 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(0), "less than a minute"),
    ],
)
def test_distances_are_said_in_the_unit_a_person_would_use(distance: timedelta, words: str):
    assert in_words(distance) == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (190, "3 h 10 min"), (3000, "50 h")]
)
def test_watch_time_is_said_in_hours_and_minutes(minutes: int, words: str):
    assert hours(minutes) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=13, hours=23), "13 days"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2, seconds=-1), "47 h 59 min"),
        (timedelta(minutes=5, seconds=59), "5 min"),
    ],
)
def test_no_more_time_is_said_to_be_left_than_there_is(left: timedelta, words: str):
    assert time_left(left) == words

from __future__ import annotations

from datetime import timedelta

import pytest

from drops.templatetags.moments import in_words


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

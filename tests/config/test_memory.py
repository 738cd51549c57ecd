"""What one test has made a process remember, the next one does not know."""

from __future__ import annotations

import pytest

from config import memory
from config.api import throttle
from drops.domain.watch import beat
from tests import factories


@pytest.mark.django_db
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_channel_of_the_test_before_is_not_known(turn: str, django_assert_num_queries) -> None:
    channel = factories.ChannelFactory(pk=7)
    with django_assert_num_queries(1):
        assert beat.channel_exists(channel.pk)
        assert beat.channel_exists(channel.pk)


def test_all_is_forgotten() -> None:
    assert throttle.count("app", now=factories.NOW).used == 1
    assert throttle.count("app", now=factories.NOW).used == 2

    memory.forget()

    assert throttle.count("app", now=factories.NOW).used == 1

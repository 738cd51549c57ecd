"""Which counts of viewers are told."""

from __future__ import annotations

from django.template import Context, Template

from fulfillment.domain.analytics.groups import shown


def test_fewer_than_five_are_not_counted_out() -> None:
    assert [shown(count) for count in (0, 1, 4, 5, 6)] == [0, None, None, 5, 6]


def test_pages_say_so_in_words() -> None:
    template = Template("{% load numbers %}{{ few|viewers }}, {{ many|viewers }}")
    assert template.render(Context({"few": shown(2), "many": shown(1234)})) == "fewer than 5, 1,234"

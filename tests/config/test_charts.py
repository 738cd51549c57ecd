"""Charts: where things are, what the table says, and that nothing of it is somebody's input."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from config.charts import BELOW, HEIGHT, LEFT, WIDTH, Axis, Chart, Series, Step, bars, curve, funnel, lines


def drawn(chart: Chart) -> str:
    return render_to_string("components/chart.html", {"chart": chart, "id": "it"})


def chart_of(*values: float | None, kind=bars) -> Chart:
    labels = [f"day {number}" for number in range(len(values))]
    return kind(title="Minutes", axis=Axis("Day", labels), series=[Series("minutes", "good", values)])


def test_bars_are_as_high_as_their_values_and_stand_on_one_another() -> None:
    chart = bars(
        title="Attempts",
        axis=Axis("Hour", ["one", "two"]),
        series=[Series("arrived", "good", [6, 0]), Series("failed", "bad", [2, 4])],
    )
    one, upon_it, two = chart.rects
    assert (one.tone, upon_it.tone, two.tone) == ("good", "bad", "bad")
    assert (one.height, upon_it.height, two.height) == (HEIGHT * 0.75, HEIGHT * 0.25, HEIGHT * 0.5)
    assert one.y + one.height == HEIGHT
    assert upon_it.y + upon_it.height == one.y
    assert two.words == "two: 4 failed"
    assert chart.rows == [("one", ["6", "2"]), ("two", ["0", "4"])]


def test_a_small_value_is_seen_and_none_is_nothing() -> None:
    chart = chart_of(100_000, 1, 0, None)
    assert [rect.height > 0 for rect in chart.rects] == [True, True]
    assert [values for _, values in chart.rows] == [["100,000"], ["1"], ["0"], ["-"]]


def test_a_line_is_broken_where_there_is_no_value() -> None:
    chart = chart_of(1, 2, None, 2, None, kind=lines)
    first, alone = chart.lines
    assert len(first.points.split()) == 2
    assert first.dot is None
    assert alone.dot is not None
    assert not chart_of(None, None, kind=lines).lines


@pytest.mark.parametrize("count", [0, 1, 24, 168])
@pytest.mark.parametrize("kind", [bars, lines])
def test_everything_is_within_the_picture(count: int, kind) -> None:
    chart = chart_of(*range(count), kind=kind)
    x, y, width, height = (float(each) for each in chart.box.split())
    numbers = [float(each) for line in chart.lines for each in re.findall(r"[\d.]+", line.points)]
    assert all(LEFT <= at <= WIDTH for at in numbers[::2])
    assert all(0 <= at <= HEIGHT for at in numbers[1::2])
    for rect in chart.rects:
        assert LEFT <= rect.x <= rect.x + rect.width <= WIDTH + 0.1
        assert 0 <= rect.y <= rect.y + rect.height <= HEIGHT + 0.1
    assert len(chart.ticks) <= 6
    assert (x, width, y + height) == (0, WIDTH, HEIGHT + BELOW)


@pytest.mark.parametrize(
    ("most", "scale"), [(3, ["0", "1", "2", "3", "4"]), (1, ["0", "1"]), (0, ["0", "1"])]
)
def test_no_two_lines_of_the_scale_say_the_same(most: int, scale: list[str]) -> None:
    assert [mark.words for mark in chart_of(most).grid] == scale


def test_what_is_drawn_can_be_read_without_seeing_it() -> None:
    page = drawn(chart_of(1, 2, 3))
    svg = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert svg
    ElementTree.fromstring(svg[0])  # noqa: S314 - ours; it is well-formed
    assert 'role="img" aria-labelledby="it-title"' in page
    assert '<figcaption class="chart-title" id="it-title">Minutes</figcaption>' in page
    assert '<th scope="row">day 2</th><td class="num">3</td>' in page
    assert "style=" not in page


def test_words_are_escaped() -> None:
    hostile = "<script>x</script>"
    chart = bars(title=hostile, axis=Axis(hostile, [hostile]), series=[Series(hostile, "good", [1])])
    assert "<script>" not in drawn(chart)


def test_an_empty_chart_says_so() -> None:
    assert chart_of(0, 0, None).is_empty
    assert not chart_of(0, 1).is_empty


def test_a_step_of_a_funnel_is_as_long_as_its_value() -> None:
    chart = funnel(
        title="Funnel",
        head="Step",
        name="viewers",
        steps=[Step("watched", 200), Step("reached", 50, "(25 %)"), Step("claimed", 0)],
    )
    assert [rect.width for rect in chart.rects if rect.tone == "good"] == [WIDTH, WIDTH / 4]
    assert chart.rows == [("watched", ["200"]), ("reached", ["50 (25 %)"]), ("claimed", ["0"])]
    page = drawn(chart)
    assert page.count("50 (25 %)</text>") == 1
    assert "<title></title>" not in page


def test_a_curve_has_its_points_and_marks_where_they_belong() -> None:
    points = [(0, 100), (60, 50), (120, 0)]
    chart = curve(
        title="Left", head="Minutes", name="viewers", points=points, marks=[(90, "late"), (30, "early")]
    )
    _, line = chart.lines
    middle = LEFT + (WIDTH - LEFT) / 2
    assert line.points == f"{LEFT:.1f},0.0 {middle:.1f},70.0 {WIDTH:.1f},140.0"
    early, late = chart.marks
    assert (early.words, early.anchor, late.words, late.anchor) == ("early", "start", "late", "end")
    assert early.x - LEFT == WIDTH - late.x
    assert all(LEFT <= tick.at <= WIDTH for tick in chart.ticks)
    assert [values for _, values in chart.rows] == [["100"], ["50"], ["0"]]
    assert not curve(title="None", head="Minutes", name="viewers", points=[]).lines


def test_a_mark_stands_at_its_label() -> None:
    axis = Axis("Day", ["one", "two"])
    series = [Series("minutes", "good", [1, 2])]
    for kind in (bars, lines):
        (mark,) = kind(title="Minutes", axis=axis, series=series, marks=[(1, "start")]).marks
        assert mark.x == LEFT + 0.75 * (WIDTH - LEFT)
        assert "start</text>" in drawn(kind(title="Minutes", axis=axis, series=series, marks=[(1, "start")]))

"""Charts, drawn by the server as SVG: bars and lines over time, funnels and curves, with their numbers in a table.

A function computes where everything is; `components/chart.html` draws it. Without a script and without a style of its
own: colours are the tones of docs/style.md, in both themes and on paper. Where a value is None there is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from django.utils.functional import Promise

WIDTH, HEIGHT = 600, 140
# Beside and below the picture, for the values and the times.
LEFT, BELOW = 46, 18
MOST_TICKS = 6
GRID_LINES = 4
# A step of a funnel: its words, and below them its bar. High enough for the larger letters on a phone.
STEP, STEP_BAR = 46, 16

Value = float | None
Words = str | Promise


class Series(NamedTuple):
    """Values in the order of the labels. `tone`: good, live, wait, bad, info or muted. `dashed` tells lines apart
    where colours do not."""

    name: Words
    tone: str
    values: Sequence[Value]
    dashed: bool = False


class Axis(NamedTuple):
    """The times or names along the picture, and what they are (`head`). `short`: as they stand below the picture, if
    otherwise than in the table."""

    head: Words
    labels: Sequence[str]
    short: Sequence[str] = ()


class Rect(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    tone: str
    words: str


class Line(NamedTuple):
    """`points` as SVG takes them; a single point is a `dot`."""

    points: str
    tone: str
    dashed: bool
    dot: tuple[float, float] | None


class Mark(NamedTuple):
    """A value beside the picture, or a time below it, at `at` of its axis. `anchor`: start, middle, end."""

    at: float
    words: str
    anchor: str = "middle"


class Text(NamedTuple):
    """Words within the picture."""

    x: float
    y: float
    words: Words
    anchor: str = "start"


class Step(NamedTuple):
    """Of a funnel. `note` stands beside the value."""

    name: Words
    value: float
    note: str = ""
    tone: str = "good"


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws. `rows`: a label and the value of each series as text, for the table. `marks`: lines
    from top to bottom, with words at their tops."""

    title: Words
    series: Sequence[Series]
    rects: Sequence[Rect]
    lines: Sequence[Line]
    grid: Sequence[Mark]
    ticks: Sequence[Mark]
    head: Words
    rows: Sequence[tuple[str, Sequence[str]]]
    summary: Words
    left: int = LEFT
    right: int = WIDTH
    bottom: int = HEIGHT
    box: str = f"0 -8 {WIDTH} {HEIGHT + BELOW + 8}"
    texts: Sequence[Text] = ()
    marks: Sequence[Text] = ()

    @property
    def is_empty(self) -> bool:
        return not any(value for series in self.series for value in series.values)


def bars(
    *,
    title: Words,
    axis: Axis,
    series: Sequence[Series],
    summary: Words = "",
    words: Callable[[float], str] = "{:,.0f}".format,
    marks: Sequence[tuple[int, Words]] = (),
) -> Chart:
    """A bar for each label, of one part for each series, one upon the other. `words` writes a value. `marks`: what is
    worth a line at a label, by the label's number."""
    labels = axis.labels
    totals = [
        sum(value or 0 for value in values) for values in zip(*(each.values for each in series), strict=True)
    ]
    top = _top(max(totals, default=0))
    slot = (WIDTH - LEFT) / max(len(labels), 1)
    rects = []
    for number, label in enumerate(labels):
        y = float(HEIGHT)
        for each in series:
            value = each.values[number]
            if not value:
                continue
            height = max(round(HEIGHT * value / top, 1), 0.5)
            y -= height
            x, width = LEFT + (number + 0.1) * slot, 0.8 * slot
            told = f"{label}: {words(value)} {each.name}"
            rects.append(Rect(round(x, 1), round(y, 1), round(width, 1), height, each.tone, told))
    return _chart(title, axis, series, summary, words, top, rects=rects, marks=marks)


def lines(
    *,
    title: Words,
    axis: Axis,
    series: Sequence[Series],
    summary: Words = "",
    words: Callable[[float], str] = "{:,.0f}".format,
    top: float | None = None,
    marks: Sequence[tuple[int, Words]] = (),
) -> Chart:
    """A line for each series; it is broken where there is no value. `top`: the end of the scale, if it is known.
    `marks` as of `bars`."""
    values = [value for each in series for value in each.values if value is not None]
    end = top if top is not None else _top(max(values, default=0))
    slot = (WIDTH - LEFT) / max(len(axis.labels), 1)
    drawn = []
    for each in series:
        part: list[tuple[float, float]] = []
        for number, value in enumerate([*each.values, None]):
            if value is not None:
                at = (LEFT + (number + 0.5) * slot, HEIGHT * (1 - value / end))
                part.append((round(at[0], 1), round(at[1], 1)))
            elif part:
                points = " ".join(f"{x},{y}" for x, y in part)
                drawn.append(Line(points, each.tone, each.dashed, part[0] if len(part) == 1 else None))
                part = []
    return _chart(title, axis, series, summary, words, end, drawn=drawn, marks=marks)


def funnel(
    *,
    title: Words,
    head: Words,
    name: Words,
    steps: Sequence[Step],
    summary: Words = "",
    words: Callable[[float], str] = "{:,.0f}".format,
) -> Chart:
    """A bar for each step, one below the other, each as long as its value; the longest takes the whole width.

    `head` is what a step is, `name` what is counted.
    """
    most = max((step.value for step in steps), default=0) or 1
    rects, texts, rows = [], [], []
    for number, step in enumerate(steps):
        y, width = number * STEP, round(WIDTH * step.value / most, 1)
        told = f"{words(step.value)} {step.note}".rstrip()
        texts += [Text(0, y + 20, step.name), Text(WIDTH, y + 20, told, "end")]
        rects.append(Rect(0, y + 26, WIDTH, STEP_BAR, "sunken", ""))
        if step.value:
            rects.append(Rect(0, y + 26, max(width, 1), STEP_BAR, step.tone, f"{step.name}: {told}"))
        rows.append((str(step.name), [told]))
    height = len(steps) * STEP
    return Chart(
        title,
        [Series(name, "good", [step.value for step in steps])],
        rects,
        (),
        (),
        (),
        head,
        rows,
        summary,
        bottom=height,
        box=f"0 0 {WIDTH} {height}",
        texts=texts,
    )


def curve(
    *,
    title: Words,
    head: Words,
    name: Words,
    points: Sequence[tuple[float, float]],
    marks: Sequence[tuple[float, Words]] = (),
    summary: Words = "",
    words: Callable[[float], str] = "{:,.0f}".format,
    x_words: Callable[[float], str] = "{:,.0f}".format,
    top: float | None = None,
) -> Chart:
    """A line through `points`, which are in the order of x and begin at x = 0, and the ground below it. `marks`: lines
    from top to bottom, at their x. `head` is what x is, `name` what y is."""
    last = max([x for x, _ in points] + [x for x, _ in marks], default=0) or 1
    end = top if top is not None else _top(max((y for _, y in points), default=0))

    def across(x: float) -> float:
        return round(LEFT + (WIDTH - LEFT) * x / last, 1)

    places = [(across(x), round(HEIGHT * (1 - y / end), 1)) for x, y in points]
    line = " ".join(f"{x},{y}" for x, y in places)
    drawn = []
    if places:
        ground = f"{places[0][0]},{HEIGHT} {line} {places[-1][0]},{HEIGHT}"
        drawn = [Line(ground, "good line-ground", False, None), Line(line, "good", False, None)]
    every = _top(last / MOST_TICKS)
    ticks = [
        Mark(across(number * every), x_words(number * every)) for number in range(int(last // every) + 1)
    ]
    return Chart(
        title,
        [Series(name, "good", [y for _, y in points])],
        (),
        drawn,
        [Mark(HEIGHT * (1 - share), words(end * share)) for share in _shares(end, words)],
        ticks,
        head,
        [(x_words(x), [words(y)]) for x, y in points],
        summary,
        marks=_marks([(across(x), told) for x, told in marks]),
    )


def _marks(marks: Sequence[tuple[float, Words]]) -> list[Text]:
    """Words to the side with more room, so that they stay within the picture."""
    half = (LEFT + WIDTH) / 2
    return [
        Text(x, 0, told, "start" if x <= half else "end")
        for x, told in sorted(marks, key=lambda each: each[0])
    ]


def _chart(
    title: Words,
    axis: Axis,
    series: Sequence[Series],
    summary: Words,
    words: Callable[[float], str],
    top: float,
    rects: Sequence[Rect] = (),
    drawn: Sequence[Line] = (),
    marks: Sequence[tuple[int, Words]] = (),
) -> Chart:
    slot = (WIDTH - LEFT) / max(len(axis.labels), 1)
    lined = _marks([(round(LEFT + (number + 0.5) * slot, 1), told) for number, told in marks])
    rows = [
        (label, ["-" if value is None else words(value) for value in values])
        for label, *values in zip(axis.labels, *(each.values for each in series), strict=True)
    ]
    grid = [Mark(HEIGHT * (1 - share), words(top * share)) for share in _shares(top, words)]
    ticks = _ticks(axis.short or axis.labels)
    return Chart(title, series, rects, drawn, grid, ticks, axis.head, rows, summary, marks=lined)


def _shares(top: float, words: Callable[[float], str]) -> list[float]:
    """Where the scale has a line: fewer where two of them would have the same words."""
    for count in (GRID_LINES, 2, 1):
        shares = [number / count for number in range(count + 1)]
        if all(words(top * low) != words(top * high) for low, high in pairwise(shares)):
            return shares
    return [0.0, 1.0]


def _ticks(labels: Sequence[str]) -> list[Mark]:
    """The first label and others at equal distances, never more than fit."""
    if not labels:
        return []
    slot, every = (WIDTH - LEFT) / len(labels), math.ceil(len(labels) / MOST_TICKS)
    return [
        Mark(round(LEFT + (number + 0.5) * slot, 1), labels[number])
        for number in range(0, len(labels), every)
    ]


def _top(most: float) -> float:
    """The end of a scale: the next of 1, 2, 4, 5, 8 or 10 times a power of ten, so that its lines are plain numbers."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= most)

"""The colours that the style sheet declares are legible on each other, in both themes (WCAG 2.2 AA)."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

SHEET = (settings.BASE_DIR / "static" / "css" / "drops.css").read_text()
TONES = ("good", "live", "wait", "bad", "info")

TEXT = [
    *((text, ground) for text in ("text", "muted", "link") for ground in ("bg", "surface", "sunken")),
    *((f"{tone}-text", f"{tone}-soft") for tone in TONES),
    *((f"{tone}-text", ground) for tone in TONES for ground in ("bg", "surface")),
    *(("text", f"{tone}-soft") for tone in TONES),
    ("on-action", "action"),
    ("on-action", "action-hover"),
    ("on-danger", "danger"),
    ("stage-text", "stage"),
    ("stage-text", "stage-raised"),
    ("stage-muted", "stage"),
    ("stage-muted", "stage-raised"),
]
# Edges of fields, the filled part of a bar, dots, the ring around what has the focus.
SHAPES = [
    ("line-strong", "bg"),
    ("line-strong", "surface"),
    ("line-strong", "sunken"),
    *((tone, ground) for tone in TONES for ground in ("bg", "surface", "sunken")),
    *(("focus", ground) for ground in ("bg", "surface", "sunken")),
]


def declared(name: str, theme: str) -> str:
    value = re.search(rf"^  --{name}: ([^;]+);", SHEET, re.MULTILINE)
    assert value, f"--{name} is not declared"
    pair = re.fullmatch(r"light-dark\((#\w{6}), (#\w{6})\)", value[1])
    if pair is None:
        return value[1]
    return pair[1] if theme == "light" else pair[2]


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT)
def test_text_is_legible(text: str, ground: str, theme: str):
    assert contrast(declared(text, theme), declared(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_that_carry_meaning_are_seen(shape: str, ground: str, theme: str):
    assert contrast(declared(shape, theme), declared(ground, theme)) >= 3

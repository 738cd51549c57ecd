"""Badges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def badge(text: StrOrPromise, tone: str = "") -> str:
    """A word in a list with a colour that means something: good, live, wait, bad, info, or none."""
    return format_html('<span class="badge{}">{}</span>', f" is-{tone}" if tone else "", text)

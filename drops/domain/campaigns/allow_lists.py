"""Allow-lists as people write them: names in any case, with or without @, or the addresses of channel pages."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from drops.models import Channel, FormerChannelName

# Of a list that somebody writes, before it is looked at: what is beyond is told, and not looked up.
MOST_LINES = 50_000
AT_ONCE = 5_000
FOUND = 10
# Of a file: further columns have no channels.
MOST_COLUMNS = 100
# What the column of a file may be called that has the channels.
HEADINGS = ("channel", "channels", "slug", "name", "username", "url", "channel_url", "channel url")


class Verdict(TextChoices):
    ADDED = "added", _("Added")
    PRESENT = "present", _("Already there")
    TWICE = "twice", _("Twice")
    UNKNOWN = "unknown", _("Unknown")


class Written(NamedTuple):
    """A name as it was written, and where: the number of its line, from 1."""

    line: int
    text: str

    @property
    def slug(self) -> str:
        return slug_of(self.text)


class Line(NamedTuple):
    """What becomes of a name that was written."""

    number: int
    text: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """`channels`: those that are known, each once, in the order in which they were written."""

    lines: Sequence[Line]
    channels: Sequence[Channel]

    @property
    def unknown(self) -> list[str]:
        return [line.text for line in self.lines if line.verdict is Verdict.UNKNOWN]

    def counts(self) -> list[tuple[Verdict, int]]:
        counted = Counter(line.verdict for line in self.lines)
        return [(verdict, counted[verdict]) for verdict in Verdict]


def slug_of(text: str) -> str:
    """The name of the channel that is meant: "@Streamer", "https://streams.example/channels/streamer/" alike."""
    text = text.strip().strip("\"'").strip()
    if "/" in text:
        try:
            path = urlsplit(text if "//" in text else f"//{text}").path
        except ValueError:
            return text.lower()
        parts = [part for part in path.split("/") if part]
        text = parts[-1] if parts else text
    return text.lower().removeprefix("@")


def written_in(text: str) -> Iterator[Written]:
    """The names of a list, with lines, commas, semicolons or spaces between them."""
    for number, line in enumerate(text.splitlines(), start=1):
        for name in re.split(r"[\s,;]+", line):
            if name:
                yield Written(number, name)


def written_in_file(text: str) -> Iterator[Written]:
    """The names of a CSV file: of the column that says so in the first line, else of the first column."""
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    column = 0
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:  # longer than any cell may be: no channel is called so
            cells = [line]
        if number == 1:
            headings = [cell.strip().lower() for cell in cells[:MOST_COLUMNS]]
            named = [headings.index(heading) for heading in HEADINGS if heading in headings]
            if named and not Channel.objects.filter(slug__in=headings).exists():
                column = named[0]
                continue
        if len(cells) > column and cells[column].strip():
            yield Written(number, cells[column].strip())


def report_on(written: Iterable[Written], *, present: Collection[str]) -> Report:
    """What becomes of each name; `present` are the slugs that the allow-list has."""
    written = list(written)[:MOST_LINES]
    known = channels_named({name.slug for name in written})
    lines, channels, seen = [], [], set[str]()
    for name in written:
        channel = known.get(name.slug)
        if channel is None:
            verdict = Verdict.UNKNOWN
        elif channel.slug in seen:
            verdict = Verdict.TWICE
        else:
            verdict = Verdict.PRESENT if channel.slug in present else Verdict.ADDED
            channels.append(channel)
            seen.add(channel.slug)
        lines.append(Line(name.line, name.text[:100], verdict))
    return Report(lines, channels)


def channels_named(slugs: Iterable[str]) -> dict[str, Channel]:
    """By the slug that was asked for: those that have it, or else had it. Two queries for 5,000 names."""
    asked = sorted(slug for slug in slugs if slug and len(slug) <= 50 and "\0" not in slug)
    found: dict[str, Channel] = {}
    for some in _parts(asked):
        found |= {channel.slug: channel for channel in Channel.objects.filter(slug__in=some)}
    for some in _parts([slug for slug in asked if slug not in found]):
        former = FormerChannelName.objects.filter(slug__in=some).select_related("channel")
        found |= {name.slug: name.channel for name in former}
    return found


def _parts(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def channels_beginning_with(text: str) -> list[Channel]:
    """A few channels whose name begins with what somebody types, the one that has just this name among them.

    Each query reads an index: nothing is sorted, since one letter may begin the names of 100,000.
    """
    slug = slug_of(text)
    if not re.fullmatch(r"[a-z0-9_-]{1,50}", slug):
        return []
    beginning = Channel.objects.filter(slug__startswith=slug)
    if connection.vendor == "sqlite":  # whose LIKE reads no index; names are ASCII
        beginning = beginning.filter(slug__gte=slug, slug__lt=f"{slug}\x7f")
    found = [*Channel.objects.filter(slug=slug), *beginning.exclude(slug=slug)[: FOUND - 1]]
    return sorted(found, key=lambda channel: channel.slug)

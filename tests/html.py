"""Reading pages as a person does: what headings there are, what a field is called, what a button does."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.http import HttpResponse

# A date, or a date and time with its zone; a fraction of a second has at most three digits.
TIME = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?|\d\d:\d\d(:\d\d(\.\d{1,3})?)?"
)
VOID = {"area", "br", "circle", "hr", "img", "input", "link", "meta", "path", "source", "use"}


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.ids: set[str] = set()
        self.headings: list[int] = []
        self.labelled: set[str] = set()
        self.fields: list[str] = []
        self.time: str | None = None  # the text so far of a <time> without an attribute

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if names.get("id"):
            if names["id"] in self.ids:
                self.problems.append(f"two elements have the id {names['id']}")
            self.ids.add(str(names["id"]))
        if tag == "label" and names.get("for"):
            self.labelled.add(str(names["for"]))
        if tag in ("input", "select", "textarea") and names.get("type") != "hidden":
            self.fields.append(str(names.get("id")))
        if tag == "img" and "alt" not in names:
            self.problems.append(f"no alt: {names.get('src')}")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "time" and not names.get("datetime"):
            self.time = ""
        elif names.get("datetime"):
            self._check_time(str(names["datetime"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A closed shape of an SVG."""

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag == "time" and self.time is not None:
            self._check_time(self.time)
            self.time = None
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing at line {self.getpos()[0]}")

    def handle_data(self, data: str) -> None:
        if self.time is not None:
            self.time += data

    def _check_time(self, value: str) -> None:
        if not TIME.fullmatch(value.strip()):
            self.problems.append(f"no machine can read the time {value!r}")


def text_of(response: HttpResponse) -> str:
    """The page without its tags, one space between words."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r" ([.,:])", r"\1", text)


def assert_well_made(response: HttpResponse) -> None:
    """Elements nest, ids are unique, one h1 and no skipped heading, every field has a label,
    every time can be read by a machine."""
    checker = _Checker()
    checker.feed(response.content.decode())
    problems = checker.problems + [f"<{tag}> is never closed" for tag in checker.open]
    problems += [f"no label: {field}" for field in checker.fields if field not in checker.labelled]
    if checker.headings.count(1) != 1:
        problems.append(f"{checker.headings.count(1)} h1")
    problems += [
        f"h{after} follows h{before}"
        for before, after in zip(checker.headings, checker.headings[1:], strict=False)
        if after > before + 1
    ]
    assert not problems, problems

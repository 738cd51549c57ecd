"""What was said in an attempt: as text, beside another attempt, and as a command that says it once more."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import orjson

from fulfillment.models import Attempt

# HTTP allows none of these in a header, and a copied command must not have them either.
_CONTROLS = dict.fromkeys((*range(32), 127), " ")


def readable(body: bytes | memoryview) -> str:
    """The first bytes of an answer as text; JSON is laid out."""
    body = bytes(body)
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, TypeError):  # TypeError: nested too deeply to be laid out
        return body.decode("utf-8", "replace")


def as_curl(*, url: str, headers: Mapping[str, str], body: bytes | memoryview) -> str:
    """A command for a POSIX shell that sends the same request: the same headers, signature included, and bytes.

    Whatever stands in them is quoted: the shell runs none of it, and curl reads no file for it.
    """
    lines = ["curl --include --globoff", f"--url {_quoted(url)}"]
    lines += [f"--header {_quoted(_header(name, value))}" for name, value in headers.items()]
    # --data-raw takes what begins with an @ as it is.
    lines.append(f"--data-raw {shlex.quote(bytes(body).decode('utf-8', 'replace'))}")
    return " \\\n  ".join(lines)


def _header(name: str, value: str) -> str:
    """With a colon curl would leave out a header without a value; with a semicolon it sends it."""
    return f"{name}: {value}" if value.strip() else f"{name};"


def _quoted(text: str) -> str:
    return shlex.quote(text.translate(_CONTROLS))


class HeaderPair(NamedTuple):
    """A header of two messages. None where a message has no such header."""

    name: str
    first: str | None
    second: str | None

    @property
    def differs(self) -> bool:
        return self.first != self.second


class Line(NamedTuple):
    """A line of two texts: of the `first` alone, of the `second` alone, or of both."""

    of: str
    text: str


class Comparison(NamedTuple):
    request_headers: Sequence[HeaderPair]
    response_headers: Sequence[HeaderPair]
    response_body: Sequence[Line]

    @property
    def bodies_differ(self) -> bool:
        return any(line.of != "both" for line in self.response_body)


def compare(first: Attempt, second: Attempt) -> Comparison:
    """What two attempts of a delivery have in common and what not. Their requests have the same body."""
    return Comparison(
        _pairs(first.request_headers, second.request_headers),
        _pairs(first.response_headers, second.response_headers),
        _lines(readable(first.response_body), readable(second.response_body)),
    )


def _pairs(first: Mapping[str, str], second: Mapping[str, str]) -> list[HeaderPair]:
    """By name, whatever its case; those that differ come first, otherwise in the order of the messages."""
    values = [{name.lower(): str(value) for name, value in headers.items()} for headers in (first, second)]
    names = {name.lower(): name for headers in (second, first) for name in headers}
    pairs = [HeaderPair(name, values[0].get(key), values[1].get(key)) for key, name in names.items()]
    return sorted(pairs, key=lambda pair: not pair.differs)


def _lines(first: str, second: str) -> list[Line]:
    before, after = first.splitlines(), second.splitlines()
    lines = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [Line("both", text) for text in before[a:b]]
        else:
            lines += [Line("first", text) for text in before[a:b]] + [
                Line("second", text) for text in after[c:d]
            ]
    return lines

"""JSON bodies, field by field: every problem is found before any is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ParseError

Problems = dict[str, list[str]]
# Turns a JSON value into what the domain wants, or raises ValueError with what would be right.
Reader = Callable[[Any], Any]


def read_fields(body: Any, readers: Mapping[str, Reader]) -> tuple[dict[str, Any], Problems]:
    """The values of the fields that came and are right, and what is wrong with the others."""
    if not isinstance(body, dict):
        raise ParseError("The body must be a JSON object.")
    values: dict[str, Any] = {}
    problems: Problems = {}
    for name, value in body.items():
        if name not in readers:
            problems[name[:40]] = [f"is no field here; there are {', '.join(readers)}."]
            continue
        try:
            values[name] = readers[name](value)
        except ValueError as error:
            problems[name] = [str(error)]
    return values, problems


def text(*, max_length: int) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > max_length:
            raise ValueError(f"must be a text of at most {max_length} characters.")
        return value.strip()

    return read


def whole_number(*, least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        # A JSON true is an int to Python, and none to anybody else.
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}.")
        return value

    return read


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false.")
    return value


def moment(value: Any) -> datetime:
    """An RFC 3339 time with zone, in UTC."""
    try:
        parsed = parse_datetime(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time with zone, such as 2026-11-20T12:00:00Z.")


def list_of(item: Reader, *, most: int) -> Reader:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"must be a list of at most {most}.")
        return [item(entry) for entry in value]

    return read

"""Statements that are written out: for the paths where the ORM takes longer to write a statement than the
database to carry it out. Their values go through here, both ways, on either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from config.ulid import ulid_parameter as ulid, ulid_text as to_ulid

__all__ = ["execute", "fetch", "moment", "to_moment", "to_ulid", "ulid"]

Parameters = Sequence[Any] | Mapping[str, Any]


def moment(at: datetime) -> Any:
    """A time, as a parameter."""
    return connection.ops.adapt_datetimefield_value(at)


def to_moment(value: Any) -> Any:
    """A time (or None) as it came back: from SQLite in UTC, without saying so."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def fetch(statement: str, parameters: Parameters) -> list[Any]:
    """All rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def execute(statement: str, parameters: Parameters) -> int:
    """How many rows were written."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)

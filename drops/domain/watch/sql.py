"""How statements about thousands of rows at once are written, for PostgreSQL and for SQLite.

PostgreSQL gets an array for each column; SQLite gets JSON, or the statement once for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import orjson
from django.db import connection

from config.sql import execute
from drops.models.fields import from_ms

# Thousands of rows of millions: PostgreSQL would rather read the whole table than look each one up, and
# change its mind as the table grows. Measured at 400,000 rows: the look-ups take two thirds of the time.
# To the end of the transaction.
BY_INDEX = "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"

EPOCH = date(1970, 1, 1)


def update(
    table: str,
    assignments: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    types: Sequence[str],
    *,
    also: tuple[str, Any] | None = None,
) -> None:
    """One value for each assignment, then the row's id; `also`: a column that gets the same in all rows."""
    if not rows:
        return
    names = [f"c{number}" for number in range(len(types))]
    common = [f"{also[0]} = %s"] if also else []
    if connection.vendor == "postgresql":
        changes = [text.format(f"v.{name}") for text, name in zip(assignments, names, strict=False)]
        execute(BY_INDEX, [])
        execute(
            f"UPDATE {table} SET {', '.join([*common, *changes])}"
            f" FROM unnest({arrays(types)}) AS v({', '.join(names)}) WHERE {table}.id = v.{names[-1]}",
            [*([also[1]] if also else []), *columns(rows)],
        )
        return
    changes = [text.format("%s") for text in assignments]
    values = [(also[1], *row) for row in rows] if also else rows
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {', '.join([*common, *changes])} WHERE id = %s", values)


def insert(
    table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]], types: Sequence[str], then: str = ""
) -> None:
    """One value for each of the columns `names`, of these `types`. `then`: what follows the rows in the statement."""
    if not rows:
        return
    target = f"INSERT INTO {table} AS t ({', '.join(names)})"
    if connection.vendor == "postgresql":
        execute(f"{target} SELECT * FROM unnest({arrays(types)}) {then}", columns(rows))
        return
    with connection.cursor() as cursor:
        cursor.executemany(f"{target} VALUES ({', '.join(['%s'] * len(names))}) {then}", rows)


def add(
    table: str,
    keys: Sequence[str],
    sums: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    types: Sequence[str],
) -> None:
    """Add each row's values of the columns `sums` to those of the row with the same `keys`, which may not be there
    yet."""
    changes = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in sums)
    insert(
        table, (*keys, *sums), rows, types, then=f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}"
    )


def among() -> str:
    """What follows a column that is to have one of the values of `as_list`."""
    return "= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))"


def as_list(values: Iterable[Any]) -> Any:
    """Many values in one parameter."""
    return list(values) if connection.vendor == "postgresql" else orjson.dumps(list(values)).decode()


def moment(ms: int) -> Any:
    """A time, in milliseconds since 1970, as a parameter."""
    return connection.ops.adapt_datetimefield_value(from_ms(ms))


def day(number: int) -> Any:
    """A day, by the days from 1970 to it, as a parameter."""
    return connection.ops.adapt_datefield_value(EPOCH + timedelta(days=number))


def arrays(types: Sequence[str]) -> str:
    """What PostgreSQL's `unnest` takes: a parameter for each of `columns`."""
    return ", ".join(f"%s::{kind}[]" for kind in types)


def columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]

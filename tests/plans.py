"""How much PostgreSQL reads to answer a query: compared between two sizes of a table, never with a figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.db import connection, models


def rows_read(sql: str, values: Sequence[Any] | None = None) -> float:
    """How many rows are looked at, those thrown away included.

    Not blocks: their number also depends on what other tests have left behind in tables and indexes.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        (explained,) = cursor.fetchone()[0]
    return sum(
        node["Actual Loops"]
        * (node["Actual Rows"] + sum(node[key] for key in node if key.startswith("Rows Removed by")))
        for node in _nodes(explained["Plan"])
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *chain.from_iterable(_nodes(child) for child in plan.get("Plans", []))]


def empty(*tables: type[models.Model]) -> None:
    """Rows that other tests rolled back still take space, which the planner counts: the tables begin anew."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {_names(tables)} CASCADE")


def analyze(*tables: type[models.Model]) -> None:
    """Let the planner know how many rows there are now."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {_names(tables)}")


def _names(tables: tuple[type[models.Model], ...]) -> str:
    return ", ".join(table._meta.db_table for table in tables)

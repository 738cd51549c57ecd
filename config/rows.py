"""Many rows at once: inserted by statements that are put together once, for the paths where the ORM takes longer to
write a statement than the database to carry it out; and deleted in parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model, QuerySet

DELETED_AT_ONCE = 5_000


def insert(rows: Iterable[Model], *, beside: str = "", values: Sequence[Any] = ()) -> None:
    """Write new rows of one model, as `row.save(force_insert=True)` does: IntegrityError where it cannot be.

    Their values are taken as they are (no `auto_now`), no signals are sent, keys that the database gives are
    not read back, and the objects still count as new ones: they are not to be saved again.

    `beside`: a statement with `values` that is carried out in one with the insert of a single row. SQLite takes none.
    """
    rows = list(rows)
    if not rows:
        return
    statement, fields = _insert_statement(type(rows[0]))
    if beside:
        statement = f"WITH beside AS ({beside}) {statement}"
    of_rows = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows
    ]
    with connection.cursor() as cursor:
        if len(of_rows) == 1:  # `executemany` prepares for many, at a cost
            cursor.execute(statement, [*values, *of_rows[0]])
        else:
            cursor.executemany(statement, of_rows)


def delete_in_parts(rows: QuerySet[Any]) -> int:
    """Delete `rows`, some at a time in their order, so that nobody waits long for the table. Returns how many."""
    deleted = 0
    while keys := list(rows.values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        deleted += rows.model._default_manager.filter(pk__in=keys).delete()[0]
    return deleted


@cache
def _insert_statement(model: type[Model]) -> tuple[str, list[Field[Any, Any]]]:
    fields = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places})", fields  # noqa: S608 - names of ours

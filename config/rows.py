"""Rows by statements that are put together once: for the paths where the ORM takes longer to write a
statement than the database to carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model


def select(model: type[Model], statement: str, parameters: Any) -> list[Any]:
    """What `model.objects.raw(statement, parameters)` gives: instances, on which the columns that are no
    fields are attributes, as the database returned them. What the columns mean is found out once."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        make = _maker(model, tuple(column[0] for column in cursor.description))
        return [make(row) for row in cursor.fetchall()]


@cache
def _maker(model: type[Model], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], Model]:
    places = {column: place for place, column in enumerate(columns)}
    names, meant = [], []
    for field in model._meta.concrete_fields:
        if field.column is not None and field.column in places:
            names.append(field.attname)
            meant.append((places.pop(field.column), _converters(field)))

    def make(row: Sequence[Any]) -> Model:
        values = []
        for place, converters in meant:
            value = row[place]
            for convert in converters:
                value = convert(value, None, connection)
            values.append(value)
        made = model.from_db(connection.alias, names, values)
        for name, place in places.items():
            setattr(made, name, row[place])
        return made

    return make


def _converters(field: Field[Any, Any]) -> list[Any]:
    column = field.get_col(field.model._meta.db_table)
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]


@cache
def columns(model: type[Model]) -> str:
    """Every column of `model`, for a statement that reads it whole. Never `*`: PostgreSQL refuses a prepared
    one once a migration has added a column."""
    return ", ".join(connection.ops.quote_name(str(field.column)) for field in model._meta.concrete_fields)


def insert(rows: Iterable[Model]) -> None:
    """Write new rows of one model, as `row.save(force_insert=True)` does: IntegrityError where it cannot be.

    Their values are taken as they are (no `auto_now`), no signals are sent, keys that the database gives are
    not read back, and the objects still count as new ones: they are not to be saved again.
    """
    rows = list(rows)
    if not rows:
        return
    statement, fields = _insert_statement(type(rows[0]))
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows
    ]
    with connection.cursor() as cursor:
        if len(values) == 1:  # `executemany` prepares for many, at a cost
            cursor.execute(statement, values[0])
        else:
            cursor.executemany(statement, values)


@cache
def _insert_statement(model: type[Model]) -> tuple[str, list[Field[Any, Any]]]:
    fields = [field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField)]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places})", fields  # noqa: S608 - names of ours

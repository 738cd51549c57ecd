"""Rows that one transaction changes at a time."""

from __future__ import annotations

from typing import TypeVar, cast

from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def lock(row: Row) -> Row:
    """The row as it is now. Nobody else changes it until the transaction ends; new rows may still refer to it."""
    # The user of a request is a lazy object: its own type is no model.
    model = row._meta.model
    return cast("Row", model._default_manager.select_for_update(no_key=True).get(pk=row.pk))

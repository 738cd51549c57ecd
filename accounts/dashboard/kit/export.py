"""The rows of a list as a CSV file, with the list's own filters and columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.utils.html import strip_tags
from django.utils.text import capfirst

MOST_ROWS = 100_000
AT_ONCE = 500


def csv_rows(changelist: ChangeList) -> Iterator[list[object]]:
    """The header, then each row that `changelist` finds, `AT_ONCE` of them read at a time.

    Moments are ISO 8601 in UTC; a column that the list draws is its text.
    """
    yield [
        capfirst(str(label_for_field(name, changelist.model, changelist.model_admin)))
        for name in changelist.list_display
    ]
    for obj in changelist.queryset.iterator(chunk_size=AT_ONCE):
        yield [_cell(changelist, obj, str(name)) for name in changelist.list_display]


def _cell(changelist: ChangeList, obj: models.Model, name: str) -> object:
    field, _, value = lookup_field(name, obj, changelist.model_admin)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if field is not None and isinstance(field.remote_field, models.ManyToOneRel):
        return str(getattr(obj, field.name) or "")
    shown: Any = display_for_field(value, field, "") if field is not None else value
    return strip_tags(str(shown)).strip()

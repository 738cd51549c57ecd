"""The fields that watch time needs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down: exact, no floating point."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


class MomentField(models.Field):
    """A moment to the millisecond: in Python an aware datetime, in every database a 64-bit integer.

    For rows that are written thousands at a time, where making datetimes of the databases' own
    types takes longer than the query.
    """

    description = "Moment (milliseconds since 1970)"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def to_python(self, value: Any) -> datetime | None:
        return from_ms(value) if isinstance(value, int) else models.DateTimeField().to_python(value)

    def get_prep_value(self, value: Any) -> int | None:
        value = super().get_prep_value(value)
        return to_ms(value) if isinstance(value, datetime) else value

    def from_db_value(
        self, value: int | None, expression: object, connection: BaseDatabaseWrapper
    ) -> datetime | None:
        return None if value is None else from_ms(value)

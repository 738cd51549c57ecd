"""The one ULID field of the project."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import validators
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Func
from django.utils.translation import gettext_lazy as _
from ulid import ULID, PureRandomPolicy, ULIDGenerator


def new_ulid() -> str:
    """A fresh ULID as its 26-character text."""
    return str(ULID())


# The library's own generator counts up within a millisecond. A moment of before would disturb it, and its next could be
# one that somebody made as the one after the last.
_random_ulids = ULIDGenerator(policy=PureRandomPolicy())


def ulid_of(moment: datetime) -> str:
    """A fresh ULID of `moment`, in no order with the others of its millisecond."""
    return str(_random_ulids.generate(moment))


def first_ulid(moment: datetime) -> str:
    """The smallest ULID of `moment`: what was made since then has this or a larger one."""
    milliseconds = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    return str(ULID.from_int(milliseconds << 80))


def parse_ulid(text: str) -> str | None:
    """The canonical (upper-case) text of a ULID, or None if `text` is not one."""
    # Some letters beyond ASCII turn into A to Z in upper case.
    canonical = text.upper()
    return canonical if text.isascii() and _ULID.fullmatch(canonical) else None


_CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 26 characters of five bits, of which the first two bits are none.
_ULID = re.compile(f"[0-7][{_CHARACTERS}]{{25}}")
# Python's own digits of base 32.
_DIGITS = str.maketrans(_CHARACTERS, "0123456789ABCDEFGHIJKLMNOPQRSTUV")
_PAIRS = [first + second for first in _CHARACTERS for second in _CHARACTERS]


def ulid_text(value: uuid.UUID | str) -> str:
    """The text of a ULID as a database gives it: two characters (ten bits) at a time, since pages have thousands."""
    if isinstance(value, str):
        return value
    high, low = value.int >> 60, value.int & (1 << 60) - 1
    p = _PAIRS
    return (
        f"{p[high >> 60]}{p[high >> 50 & 1023]}{p[high >> 40 & 1023]}{p[high >> 30 & 1023]}"
        f"{p[high >> 20 & 1023]}{p[high >> 10 & 1023]}{p[high & 1023]}"
        f"{p[low >> 50]}{p[low >> 40 & 1023]}{p[low >> 30 & 1023]}"
        f"{p[low >> 20 & 1023]}{p[low >> 10 & 1023]}{p[low & 1023]}"
    )


class ULIDField(models.Field):
    """A ULID, in Python its 26-character text.

    PostgreSQL keeps it as uuid (16 bytes), whose order is byte by byte and so the order of the
    text; other databases keep the text itself.
    """

    description = "ULID"
    default_error_messages = {
        "invalid": _("“%(value)s” is not an ID. An ID has 26 characters from 0-9 and A-Z.")
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 26
        super().__init__(*args, **kwargs)
        self.validators.append(validators.MaxLengthValidator(26))

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return str(name), path, list(args), kwargs

    def get_internal_type(self) -> str:
        return "ULIDField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "uuid" if connection.vendor == "postgresql" else "char(26)"

    def rel_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.db_type(connection)

    def to_python(self, value: object) -> str | None:
        if value is None or value == "":
            return None
        if isinstance(value, uuid.UUID):
            return ulid_text(value)
        text = parse_ulid(str(value))
        if text is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": value})
        return text

    def get_prep_value(self, value: Any) -> str | None:
        return self.to_python(super().get_prep_value(value))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        text = value if prepared else self.get_prep_value(value)
        if text is None or connection.vendor != "postgresql":
            return text
        return uuid.UUID(int=int(text.translate(_DIGITS), 32))

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> str | None:
        return value if value is None else ulid_text(value)

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        return super().formfield(*args, **{"max_length": 26, **kwargs})


class UlidEnd(Func):
    """The end of a ULID, by which people know it: see `ulid_end`. An index on it finds what has that end."""

    output_field = CharField()
    arity = 1
    template = "SUBSTR(%(expressions)s, -8)"

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """Eight characters of five bits are ten of four."""
        return self.as_sql(compiler, connection, template="RIGHT(%(expressions)s::text, 10)", **context)


# As many characters of an ID do lists show.
SHORT = 8
_SHORT = re.compile(f"[{_CHARACTERS}]{{{SHORT}}}")


def ulid_end(text: str) -> str | None:
    """What `UlidEnd` is of a ULID that ends in these eight characters; None if no ULID does."""
    canonical = text.upper()
    if not (text.isascii() and _SHORT.fullmatch(canonical)):
        return None
    return f"{int(canonical.translate(_DIGITS), 32):010x}" if connection.vendor == "postgresql" else canonical


_FIELD = ULIDField()


def ulid_parameter(text: str) -> Any:
    """A ULID as a statement that is written out takes it; `text` must be canonical, as `parse_ulid` returns it."""
    return _FIELD.get_db_prep_value(text, connection, prepared=True)

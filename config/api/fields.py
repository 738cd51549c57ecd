"""What bodies, queries and answers are made of. A field says its limits once, for the check and the document.

Nothing is converted: "5" is no number, 1 is not true. Whatever is wrong is told together, by the name that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError

from config.media import media_url
from config.ulid import parse_ulid

Schema = dict[str, Any]

# Ids are 64 bits wide: what partners send as uint64, and what a database column holds.
MAX_ID = 2**63 - 1
MAX_UINT64 = 2**64 - 1
# The largest whole number that every JSON reader knows exactly.
MAX_EXACT = 2**53 - 1
_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)

# The things that every example speaks of.
EXAMPLE_ULID = "01K0TDDR08Q5ZNWXK92VRXD7GW"
EXAMPLE_ID = 1234
EXAMPLE_TIME = "2026-11-20T12:00:00Z"


class Field(serializers.Field):
    default_error_messages = {"required": "is required.", "null": "must not be null."}

    def __init__(self, *, example: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.example = example

    def schema(self) -> Schema:
        """The field in JSON Schema, without its example."""
        raise NotImplementedError

    def from_text(self, text: str) -> Any:
        """A query parameter as a body would have it; what cannot be so stays as it is, and is refused later."""
        return text

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Text(Field):
    def __init__(self, *, least: int = 0, most: int = 0, strip: bool = True, **options: Any) -> None:
        """`most` 0: any length. `strip`: without the space around it."""
        super().__init__(**options)
        self.least, self.most, self.strip = least, most, strip

    @property
    def _wanted(self) -> str:
        if not self.most:
            return "must be a string."
        limits = f"{self.least} to {self.most}" if self.least else f"at most {self.most}"
        return f"must be a string of {limits} characters."

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or "\x00" in data:
            raise ValidationError(self._wanted)
        text = data.strip() if self.strip else data
        if len(text) < self.least or (self.most and len(data) > self.most):
            raise ValidationError(self._wanted)
        return text

    def schema(self) -> Schema:
        limits = {"minLength": self.least, "maxLength": self.most}
        return {"type": "string"} | {name: limit for name, limit in limits.items() if limit}


class Number(Field):
    def __init__(self, *, least: int = 0, most: int = MAX_ID, **options: Any) -> None:
        super().__init__(**options)
        self.least, self.most = least, most

    def from_text(self, text: str) -> Any:
        return int(text) if _DIGITS.fullmatch(text) else text

    def to_internal_value(self, data: Any) -> int:
        # A JSON true is an int to Python, and none to anybody else.
        if type(data) is not int or not self.least <= data <= self.most:
            raise ValidationError(f"must be a whole number from {self.least} to {self.most}.")
        return data

    def schema(self) -> Schema:
        limit = {"maximum": self.most} if self.most <= MAX_EXACT else {}
        return {"type": "integer", "format": "int64", "minimum": self.least, **limit}


class Flag(Field):
    def from_text(self, text: str) -> Any:
        return {"true": True, "false": False}.get(text, text)

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("must be true or false.")
        return data

    def schema(self) -> Schema:
        return {"type": "boolean"}


class Choice(Field):
    def __init__(self, choices: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self.choices = tuple(choices)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            raise ValidationError(f"must be one of {', '.join(self.choices)}.")
        return data

    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.choices)}


class Ulid(Field):
    def __init__(self, *, example: str | None = EXAMPLE_ULID, **options: Any) -> None:
        super().__init__(example=example, **options)

    def to_internal_value(self, data: Any) -> str:
        ulid = parse_ulid(data) if isinstance(data, str) else None
        if ulid is None:
            raise ValidationError("must be a ULID (26 characters).")
        return ulid

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}


class Moment(Field):
    """RFC 3339 with zone; in Python a datetime in UTC."""

    def __init__(self, *, example: str | None = EXAMPLE_TIME, **options: Any) -> None:
        super().__init__(example=example, **options)

    def from_text(self, text: str) -> Any:
        return text.replace(" ", "+")  # an unescaped + arrives as a space

    def to_internal_value(self, data: Any) -> datetime:
        try:
            parsed = parse_datetime(data) if isinstance(data, str) else None
            if parsed is not None and parsed.tzinfo is not None:
                return parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise ValidationError("must be a time with zone, such as 2026-11-20T12:00:00Z.")

    def schema(self) -> Schema:
        return {"type": "string", "format": "date-time"}


class Is(Field):
    """Of answers alone: a field whose schema is `shape`."""

    def __init__(self, shape: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.shape = dict(shape)

    def schema(self) -> Schema:
        return self.shape


class Always(Field):
    """Of answers alone: the same in each, described as `like` is."""

    def __init__(self, value: Any, like: Field, **options: Any) -> None:
        super().__init__(**options)
        self.value, self.like = value, like

    def get_attribute(self, instance: Any) -> Any:
        return self.value

    def schema(self) -> Schema:
        return self.like.schema()


class Picture(Text):
    """Of answers alone: the address of an uploaded picture, "" where there is none."""

    def to_representation(self, value: FieldFile) -> str:
        return media_url(value)


class Nothing(Is):
    def __init__(self, **options: Any) -> None:
        super().__init__({"type": "null"}, **options)


class List(serializers.ListField):
    default_error_messages = Field.default_error_messages

    def __init__(self, child: serializers.Field, *, least: int = 0, most: int = 0, **options: Any) -> None:
        """`most` 0: any number of items."""
        super().__init__(child=child, **options)
        self.least, self.most = least, most

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise ValidationError("must be a list.")
        if len(data) < self.least or (self.most and len(data) > self.most):
            limits = f"{self.least} to {self.most}" if self.least else f"at most {self.most}"
            raise ValidationError(f"must be a list of {limits} items.")
        values: list[Any] = self.run_child_validation(data)
        return values


class Serializer(serializers.Serializer):
    """An object with these keys and no others.

    `optional`: keys that an answer leaves out where there is nothing to say (None). `open_ended`: more keys
    may come, and count for nothing.
    """

    default_error_messages = Field.default_error_messages
    optional: tuple[str, ...] = ()
    open_ended = False

    def checked(self) -> dict[str, Any]:
        """The values of the body. ValidationError with everything that is wrong."""
        self.is_valid(raise_exception=True)
        return self.valid

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if self.root is self and not isinstance(data, dict):
            raise ParseError("The body must be a JSON object.")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The values of the fields that came, by source. `valid` has those that were right, whatever others were."""
        if not isinstance(data, dict):
            raise ValidationError("must be an object.")
        allowed = {str(field.field_name): field for field in self._writable_fields}
        self.valid: dict[str, Any] = {}
        errors: dict[str, Any] = {
            name[:40]: [f"Unknown field. Allowed: {', '.join(allowed)}."]
            for name in data
            if name not in allowed and not self.open_ended
        }
        for name, field in allowed.items():
            if name in data:
                try:
                    self.valid[str(field.source)] = field.run_validation(data[name])
                except ValidationError as error:
                    errors[name] = error.detail
            elif self.partial:
                continue
            elif field.required:
                errors[name] = [field.error_messages["required"]]
            elif field.default is not serializers.empty:
                self.valid[str(field.source)] = field.default
        if errors:
            raise ValidationError(errors)
        return self.valid

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        for name in self.optional:
            if shown.get(name) is None:
                shown.pop(name, None)
        return shown


class Query(Serializer):
    """The parameters of a request. One that is empty is missing; unknown ones are ignored."""

    @classmethod
    def read(cls, parameters: QueryDict) -> dict[str, Any]:
        """The checked values by name. ValidationError with everything that is wrong."""
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, field in cls._declared_fields.items():
            try:
                values[name] = field.run_validation(_parameter(field, name, parameters))
            except ValidationError as error:
                of_items = error.detail.values() if isinstance(error.detail, dict) else [error.detail]
                errors[name] = next(iter(of_items))
        if errors:
            raise ValidationError(errors)
        return values


def _parameter(field: Any, name: str, parameters: QueryDict) -> Any:
    if isinstance(field, List):
        child: Any = field.child
        return [child.from_text(text) for text in parameters.getlist(name) if text]
    text = parameters.get(name, "")
    return field.from_text(text) if text else serializers.empty


class Page(Query):
    """Where a list begins and how long it is."""

    limit = Number(least=1, most=100, default=10, example=10, help_text="How many at most.")
    cursor = Ulid(
        default=None,
        example=None,
        help_text="Only what comes after this id: the `cursor` of the page before.",
    )

"""What every API view stands on, and query parameters that say what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.body import moment
from config.api.throttle import AppThrottle, Quota
from config.ulid import parse_ulid

# Ids are 64 bits wide: what partners send as uint64, and what a database column holds.
MAX_ID = 2**63 - 1
MAX_UINT64 = 2**64 - 1
Row = TypeVar("Row", bound=Model)
_DIGITS = re.compile(r"[0-9]{1,20}", re.ASCII)


class ApiView(APIView):
    """Base of all API views. OPTIONS is not offered: the schema documents, nothing is called across origins."""

    throttle_classes = [AppThrottle]
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        quota: Quota | None = getattr(request, "quota", None)
        if quota is not None:
            for header, value in quota.headers.items():
                response.headers[header] = value
        return response


def get_or_404(queryset: QuerySet[Row], key: str, noun: str) -> Row:
    """The row of `queryset` whose id is the ULID `key`. NotFound, with the words "No such `noun`", if there is none."""
    row = queryset.filter(pk=parse_ulid(key)).first()
    if row is None:
        raise NotFound(f"No such {noun}: {key[:40]}.")
    return row


def page_by_id(queryset: QuerySet[Row], *, after: str | None, limit: int) -> tuple[list[Row], str]:
    """The first `limit` rows by id, those after the id `after` where one is given, and the next page's cursor.

    The cursor is the id of the last row, "" where no more rows follow.
    """
    if after is not None:
        queryset = queryset.filter(pk__gt=after)
    rows = list(queryset.order_by("pk")[: limit + 1])
    return rows[:limit], str(rows[limit - 1].pk) if len(rows) > limit else ""


class Query:
    """The query parameters of a request, each checked as it is read. Unknown ones are ignored."""

    def __init__(self, parameters: QueryDict) -> None:
        self._parameters = parameters

    def text(self, name: str, *, max_length: int) -> str:
        """An empty text where it is missing."""
        value = self._parameters.get(name, "")
        if "\x00" in value or len(value) > max_length:
            raise ParseError(f"{name}: must be a text of at most {max_length} characters.")
        return value

    def texts(self, name: str, *, most: int, max_length: int) -> list[str]:
        """A repeatable text."""
        values = [value for value in self._parameters.getlist(name) if value]
        if len(values) > most:
            raise ParseError(f"{name}: at most {most} at a time.")
        if any("\x00" in value or len(value) > max_length for value in values):
            raise ParseError(f"{name}: must be a text of at most {max_length} characters.")
        return values

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        value = self._parameters.get(name, "")
        if not value:
            return default
        if not _DIGITS.fullmatch(value) or not least <= int(value) <= most:
            raise ParseError(f"{name}: must be a whole number from {least} to {most}, not “{value[:40]}”.")
        return int(value)

    def user_id(self, name: str) -> int | None:
        """A user id (an unsigned 64-bit integer); None where it is missing."""
        value = self._parameters.get(name, "")
        return parse_id(name, value) if value else None

    def user_ids(self, name: str, *, most: int) -> list[int]:
        """A repeatable id; the same one twice counts once."""
        values = [value for value in self._parameters.getlist(name) if value]
        if len(values) > most:
            raise ParseError(f"{name}: at most {most} at a time.")
        return list(dict.fromkeys(parse_id(name, value) for value in values))

    def choice(self, name: str, *, among: Sequence[str], default: str) -> str:
        value = self._parameters.get(name, "") or default
        if value not in among:
            raise ParseError(f"{name}: must be one of {', '.join(among)}, not “{value[:40]}”.")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, among=("true", "false"), default="false") == "true"

    def ulid(self, name: str) -> str | None:
        """None where it is missing; what is no ULID is refused."""
        value = self._parameters.get(name, "")
        if not value:
            return None
        ulid = parse_ulid(value)
        if ulid is None:
            raise ParseError(f"{name}: must be a ULID (26 characters), not “{value[:40]}”.")
        return ulid

    def moment(self, name: str) -> datetime | None:
        """An RFC 3339 time with zone; None where it is missing."""
        value = self._parameters.get(name, "").replace(" ", "+")  # an unescaped + arrives as a space
        if not value:
            return None
        try:
            return moment(value)
        except ValueError as error:
            raise ParseError(f"{name}: {error}") from None


def parse_id(name: str, value: str) -> int:
    """A uint64 in decimal. Those past the database's 63 bits are valid, and nobody's."""
    if not _DIGITS.fullmatch(value) or int(value) > MAX_UINT64:
        raise ParseError(f"{name}: must be a whole number from 0 to {MAX_UINT64}, not “{value[:40]}”.")
    return int(value)

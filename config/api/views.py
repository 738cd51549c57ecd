"""What every API view stands on, ids of addresses, and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from config.api.fields import MAX_UINT64, Number
from config.api.throttle import AppThrottle, Quota
from config.ulid import parse_ulid

Row = TypeVar("Row", bound=Model)


# What a call can need instead of a scope: nothing; any access token; an app's own; a watch token.
OPEN, AUTHENTICATED, APP_ITSELF, PLAYER = "open", "authenticated", "app itself", "player"
WITHOUT_SCOPE = (OPEN, AUTHENTICATED, APP_ITSELF, PLAYER)


class ApiView(APIView):
    """Base of all API views. OPTIONS is not offered: the schema documents, nothing is called across origins.

    `needs`: what an access token must have to call here, a scope or one of the words above, for all methods or
    by method. Nobody may call what says nothing.
    """

    needs: str | Mapping[str, str] | None = None

    throttle_classes = [AppThrottle]
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    @classmethod
    def need_of(cls, method: str | None) -> str | None:
        if cls.needs is None or isinstance(cls.needs, str):
            return cls.needs
        return cls.needs.get("get" if method == "HEAD" else str(method).lower())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if hasattr(self, str(request.method).lower()) and self.need_of(request.method) is None:
            raise PermissionDenied("Nobody may call this address.")

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


def parse_id(name: str, text: str) -> int:
    """A uint64 in decimal, of an address. Those past the database's 63 bits are valid, and nobody's."""
    number = Number(most=MAX_UINT64)
    try:
        return number.to_internal_value(number.from_text(text))
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from None

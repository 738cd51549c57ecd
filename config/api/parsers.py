"""What the APIs read: JSON. What they answer: JSON, whatever was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http.request import UnreadablePostError
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JSONOnly(BaseContentNegotiation):
    """The answer is JSON whatever the Accept header says: no client is turned away with a 406."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


class StrictJSONParser(BaseParser):
    """RFC 8259 and no more: no NaN, no comments, no NUL in a text (no database would hold it)."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            # Django's own body, since it minds the limit; the stream alone would not.
            raw = parser_context["request"]._request.body
        except RequestDataTooBig:
            raise ParseError("The body is too large.") from None
        except UnreadablePostError:
            raise ParseError("The body ended too soon.") from None
        return parsed(raw)


def parsed(raw: bytes) -> Any:
    """ParseError with what is wrong."""
    if b"\\u0000" in raw:
        raise ParseError("The body must not contain the character NUL.")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error}.") from None

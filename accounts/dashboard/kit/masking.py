"""What an operator who looks at an organization's dashboard does not see: mail addresses, whichever page has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, cast

from django.http import HttpResponseBase, StreamingHttpResponse

# As they stand in HTML and in files: with other letters than ASCII's, and with `&#x27;` for an apostrophe. A bound for
# what stands before the @ keeps a long word, as in an answer of a server, from taking long.
ADDRESS = re.compile(
    rb"[\w.!#$%&'*+/=?^`{|}~;\x80-\xff-]{1,64}"
    rb"(?:@|&#64;|&commat;|%40)"
    rb"(?:[A-Za-z0-9\x80-\xff-]+(?:\.[A-Za-z0-9\x80-\xff-]+)+|localhost|\[[0-9A-Fa-f:.]+\])"
)
HIDDEN = b"(hidden)"

Response = TypeVar("Response", bound=HttpResponseBase)


def without_mail_addresses(response: Response) -> Response:
    """The same answer. A page must be drawn by now."""
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = _masked(cast("Iterable[bytes]", response.streaming_content))
    else:
        _mask(response)
    return response


def _mask(response: Any) -> None:
    response.content = ADDRESS.sub(HIDDEN, response.content)


def _masked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Each part is whole lines of a file."""
    for part in parts:
        yield ADDRESS.sub(HIDDEN, part)

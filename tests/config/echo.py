"""A WSGI application that tells what reached it, behind the site's own server. granian serves it in test_server.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from config.server import REFUSED, Limit, Server

THREADS = 2


class Stream:
    """As Django's StreamingHttpResponse, with a megabyte. When it was closed, it says so at the next request."""

    streaming = True
    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"%d" % self.closed, *[b"x" * 1000] * 1000])

    def close(self) -> None:
        Stream.closed += 1


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/breaks":
        raise RuntimeError("as asked")
    if environ["PATH_INFO"] == "/streams":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Stream()
    body = environ["wsgi.input"].read()
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    told |= {"body": body.decode(), "refused": int(environ.get(REFUSED, 0))}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]


application = Server(
    echo,
    threads=THREADS,
    limit_of=lambda path, content_type: Limit(
        size=400_000 if content_type == "text/plain" else 1_000, seconds=0.5 if path == "/hurry" else 60
    ),
)

"""What the example of a proxy leaves out of its log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from django.urls import URLPattern, URLResolver, get_resolver

from drops.sockets.server import PATH

CADDYFILE = (Path(__file__).parents[2] / "deploy/Caddyfile").read_text()


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route


def test_no_address_that_holds_a_key_or_a_token_is_logged() -> None:
    (unlogged,) = re.findall(r"^\s*log_skip @(\w+)$", CADDYFILE, re.MULTILINE)
    (paths,) = re.findall(rf"^\s*@{unlogged} path (.+)$", CADDYFILE, re.MULTILINE)
    secret = [
        PATH,
        *(route for route in routes(get_resolver().url_patterns) if re.search(r"key>|token>", route)),
    ]
    assert len(secret) > 5
    assert [route for route in secret if not any(fnmatchcase(route, path) for path in paths.split())] == []

"""The one module that speaks HTTP to the outside world.

`post` and `get` send one request and always come back within its deadline with an `Answer`: whatever the
other side does is an answer, not an exception. It follows no redirect, reads no proxy from the
environment, decompresses nothing and reads a bounded number of bytes.

The request is made by `requests`, over connections of our own (`connections.py`). They are kept per
endpoint: the next request needs no look-up and no handshake.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import requests
from django.conf import settings
from django.utils import translation
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from config.memory import on_forget
from fulfillment.models import ErrorClass
from fulfillment.outbound.connections import (
    ClosedMeanwhile,
    Failed,
    PlainPool,
    TLSPool,
    TooLarge,
    limits,
    tls_context,
)
from fulfillment.outbound.targets import TargetRefused, parse_target

# Idle connections that a process keeps: to one endpoint, and to how many endpoints.
KEPT_PER_ENDPOINT = 4
KEPT_ENDPOINTS = 64

KEPT_BODY = 8 * 1024
KEPT_HEADERS = 50
KEPT_HEADER_VALUE = 500
# What partners' servers tell their clients in confidence is not for a log.
SECRET_HEADERS = {"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `status` is None where none arrived; `error_class` is "" for a plain 2xx.

    `error` is for the log, and so in English whoever caused the request: pages say `error_class` in words.
    """

    status: int | None = None
    error_class: str = ""
    error: str = ""
    duration_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(
    *, url: str, headers: Mapping[str, str], body: bytes, timeout: float, pool_key: str | None = None
) -> Answer:
    """POST `body` to `url` and return what came of it, at most `timeout` seconds later. Never raises for the peer.

    The connection is kept for the next request with the same `pool_key`; without one it is closed.
    A kept one that was closed meanwhile is replaced, and the request sent again: it must be idempotent.
    """
    return _ask("POST", url, headers, body, timeout, pool_key)


def get(*, url: str, timeout: float) -> Answer:
    """GET `url` as `post` sends, over a connection of its own."""
    return _ask("GET", url, {}, None, timeout, None)


def _ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout: float,
    pool_key: str | None,
) -> Answer:
    started = time.monotonic()
    try:
        request = _Request(method, url, headers, body, pool_key)
        try:
            answer = _exchange(request, started + timeout)
        except ClosedMeanwhile:
            answer = _exchange(_Request(method, url, headers, body, None), started + timeout)
    except TargetRefused as refusal:
        with translation.override(None):
            answer = Answer(error_class=ErrorClass.ADDRESS, error=str(refusal))
    except Failed as failure:
        answer = Answer(error_class=failure.error_class, error=failure.error)
    # Its words may quote what came, and no column takes NUL.
    words = answer.error.replace("\x00", "�")
    return replace(answer, error=words, duration_ms=round((time.monotonic() - started) * 1000))


def _exchange(request: _Request, deadline: float) -> Answer:
    limits.begin(deadline)
    try:
        response = _session(os.getpid()).send(request, stream=True, allow_redirects=False, proxies={})
    except requests.Timeout:
        raise Failed(ErrorClass.TIMEOUT, "There was no answer in time.") from None
    raw = response.raw
    try:
        kept, trouble, words = _read_body(raw)
    finally:
        raw.close()
    answer = Answer(raw.status, trouble, words, headers=_kept_headers(raw), body=kept)
    if answer.succeeded:
        return answer
    if 300 <= raw.status < 400:
        words = f"The answer is a redirect ({raw.status}): give the final URL instead."
        return replace(answer, error_class=ErrorClass.REDIRECT, error=words)
    return replace(answer, error_class=ErrorClass.STATUS, error=f"The answer's status is {raw.status}.")


def _read_body(raw: HTTPResponse) -> tuple[bytes, str, str]:
    """The first 8 KiB, and what was wrong with the body. It never changes what the status said."""
    encoding = raw.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        words = f"The body is encoded ({encoding[:40]}) though identity was asked."
        return b"", ErrorClass.BODY_ENCODED, words
    kept = bytearray()
    try:
        # read1 takes what is there, so that the beginning of a body that breaks off is kept.
        while len(kept) <= KEPT_BODY and (chunk := raw.read1(KEPT_BODY + 1 - len(kept))):
            kept += chunk
    except ReadTimeoutError:
        return bytes(kept), ErrorClass.BODY_TIMEOUT, "The body did not end in time."
    except (TooLarge, OSError, HTTPError, ValueError) as error:
        return bytes(kept[:KEPT_BODY]), ErrorClass.BODY_BROKEN, f"The body broke off: {error!r}"[:300]
    if len(kept) > KEPT_BODY:
        words = "Only the first 8 KiB of the body were read."
        return bytes(kept[:KEPT_BODY]), ErrorClass.BODY_TOO_LARGE, words
    return bytes(kept), "", ""


def _kept_headers(raw: HTTPResponse) -> dict[str, str]:
    """What the log keeps: no secrets, no more than is useful, nothing that a JSON column refuses (NUL)."""
    return {
        name[:100]: "(not kept)"
        if name.lower() in SECRET_HEADERS
        else str(value).replace("\x00", "�")[:KEPT_HEADER_VALUE]
        for name, value in list(raw.headers.items())[:KEPT_HEADERS]
    }


class _Request(requests.PreparedRequest):
    """Made by hand: what requests would prepare has been checked, and is to be sent as it is."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, pool_key: str | None
    ) -> None:
        """Raise TargetRefused."""
        super().__init__()
        self.target = parse_target(url)
        self.pool_key = pool_key
        self.method, self.url, self.body = method, url, body
        self.headers = {  # type: ignore[assignment]
            **({} if body is None else {"Content-Length": str(len(body))}),
            **headers,
            "Host": self.target.host_header,
            "Accept-Encoding": "identity",
            "Connection": "close" if pool_key is None else "keep-alive",
        }


class _Adapter(HTTPAdapter):
    def __init__(self) -> None:
        super().__init__(pool_connections=KEPT_ENDPOINTS)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TLSPool}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        assert isinstance(request, _Request)  # noqa: S101 - nobody sends others
        target = request.target
        key: Any = (request.pool_key, target.tls, target.host, target.port)
        made: dict[str, Any] = {
            "scheme": "https" if target.tls else "http",
            "host": target.host,
            "port": target.port,
            "maxsize": KEPT_PER_ENDPOINT,
            "ssl_context": tls_context(settings.OUTBOUND_CA_FILE),
        }
        pool: HTTPConnectionPool = self.poolmanager.connection_from_pool_key(key, made)
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The pool's context does: requests would add authorities of its own."""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Without headers, so that nothing makes cookies or a redirect of them."""
        response = requests.Response()
        response.status_code, response.raw = resp.status, resp
        return response


class _NoCookies(RequestsCookieJar):
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Studios' servers set none here."""


@cache
def _session(process: int) -> requests.Session:
    """One for each process: a child must not write to its parent's connections."""
    session = requests.Session()
    session.trust_env = False
    session.cookies = _NoCookies()
    session.adapters.clear()
    session.mount("", _Adapter())
    return session


on_forget(_session.cache_clear)

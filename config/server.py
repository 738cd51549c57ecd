"""Between granian and Django: a request takes a thread once all of it is here.

granian's own WSGI gives a request to a thread at once, and the thread reads the body: sixteen slow bodies
silence a site of sixteen threads, and a body without Content-Length is never read. Here the event loop
receives bodies, within a limit of bytes and seconds, and Django sees each whole, with its length.
docs/adr/0009-bodies-are-received-before-a-thread-is-taken.md has the measures.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import structlog

logger = structlog.get_logger(__name__)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# Where a refused request's status waits for config.middleware.bodies, which answers in the address's own shape.
REFUSED = "drops.refused"

# A larger body needs one of so many places in a process, so that bodies under way never fill the memory.
SMALL = 256 * 1024
PLACES = 16
# What is too large, but not by more than this, is read and dropped: a browser that is cut off while it
# sends says "connection reset", and the person never sees why.
DROPPED = 32 * 1024 * 1024


class Limit(NamedTuple):
    """What a body may have: so many bytes, and so many seconds to arrive."""

    size: int
    seconds: float


class Refused(Exception):
    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Server:
    """An RSGI application that runs a WSGI one in threads.

    `limit_of` gives the limit for a path and a content type.
    """

    def __init__(self, wsgi: Application, *, threads: int, limit_of: Callable[[str, str], Limit]) -> None:
        self._wsgi = wsgi
        self._threads = threads
        self._limit_of = limit_of
        self._places = asyncio.Semaphore(PLACES)
        self._whole: SimpleQueue[tuple[Any, dict[str, Any], asyncio.Future[None]]] = SimpleQueue()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for number in range(self._threads):
            Thread(target=self._work, name=f"web-{number}", daemon=True).start()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        environ = environ_of(scope)
        declared = scope.headers.get("content-length")
        chunked = "transfer-encoding" in scope.headers
        if not chunked and (declared is None or declared == "0"):
            await self._answer(protocol, environ, b"")
            return
        async with AsyncExitStack() as place:
            try:
                body = await self._receive(protocol, environ, None if chunked else int(declared), place)
            except Refused as refused:
                environ[REFUSED] = refused.status
                body = b""
            await self._answer(protocol, environ, body)

    async def _receive(
        self, protocol: Any, environ: dict[str, Any], declared: int | None, place: AsyncExitStack
    ) -> bytes:
        """The whole body. `declared` is its length, None where it comes in chunks. Refused."""
        limit = self._limit_of(environ["PATH_INFO"], environ.get("CONTENT_TYPE", ""))
        try:
            async with asyncio.timeout(limit.seconds):
                if declared is None:
                    return await self._receive_chunks(protocol, limit, place)
                if declared > limit.size:
                    if declared <= DROPPED and "HTTP_EXPECT" not in environ:
                        async for _ in protocol:
                            pass
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                if declared > SMALL:
                    await place.enter_async_context(self._places)
                return bytes(await protocol())
        except TimeoutError:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT) from None
        except RuntimeError:  # granian's ProtocolError: the connection has ended before the body did
            raise Refused(HTTPStatus.BAD_REQUEST) from None

    async def _receive_chunks(
        self, chunks: AsyncIterator[bytes], limit: Limit, place: AsyncExitStack
    ) -> bytes:
        body = bytearray()
        ends = 0
        async for chunk in chunks:
            # granian has one empty chunk for the end, and two where the body broke off.
            ends += not chunk
            if len(body) <= SMALL < len(body) + len(chunk):
                await place.enter_async_context(self._places)
            body += chunk
            if len(body) > limit.size:
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if ends > 1:
            raise Refused(HTTPStatus.BAD_REQUEST)
        return bytes(body)

    async def _answer(self, protocol: Any, environ: dict[str, Any], body: bytes) -> None:
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        answered = self._loop.create_future()
        self._whole.put((protocol, environ, answered))
        await answered

    def _work(self) -> None:
        while True:
            protocol, environ, answered = self._whole.get()
            try:
                self._run(protocol, environ)
            except BaseException:
                logger.exception("request_failed")
                protocol.response_empty(500, [])
            with suppress(RuntimeError):  # the loop has ended: so has this process, nearly
                self._loop.call_soon_threadsafe(answered.set_result, None)

    def _run(self, protocol: Any, environ: dict[str, Any]) -> None:
        status, headers = 500, []

        def start_response(line: str, fields: list[tuple[str, str]], exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = int(line[:3]), fields

        result = self._wsgi(environ, start_response)
        try:
            if getattr(result, "streaming", False):
                stream = protocol.response_stream(status, headers)
                for chunk in result:
                    stream.send_bytes(chunk)
            else:
                protocol.response_bytes(status, headers, b"".join(result))
        finally:
            if close := getattr(result, "close", None):
                close()


def environ_of(scope: Any) -> dict[str, Any]:
    """A WSGI environment without the body."""
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "REMOTE_ADDR": _host(scope.client),
        "SERVER_NAME": _host(scope.server),
        "SERVER_PORT": scope.server.rpartition(":")[2],
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "wsgi.url_scheme": scope.scheme,
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        key = _key(name)
        if key is None:
            continue
        if key in environ:  # a second line of the same header
            environ[key] += f"{';' if key == 'HTTP_COOKIE' else ','}{value}"
        else:
            environ[key] = value
    if "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority or ""
    return environ


@lru_cache(1024)
def _key(header: str) -> str | None:
    """The name that WSGI has for a header; None for those that must not get there.

    X_Forwarded_For and X-Forwarded-For would be one name, and only the proxy may say the second. The length
    is that of the body which came.
    """
    if "_" in header or header in ("content-length", "transfer-encoding"):
        return None
    name = header.upper().replace("-", "_")
    return name if name == "CONTENT_TYPE" else f"HTTP_{name}"


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")

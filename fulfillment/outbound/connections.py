"""Connections to addresses that were checked, over sockets that respect the limits of an exchange.

urllib3 speaks HTTP and TLS on them. Its own timeouts are per read, so that a server that sends a
byte a second would hold it for ever.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from fulfillment.models import ErrorClass
from fulfillment.outbound.targets import TargetRefused, check_address

# What an answer may send at most: status line and headers (interim answers included), then the body.
HEAD_BYTES = 64 * 1024
BODY_BYTES = 32 * 1024
# The status has been seen, so the answer's meaning is known: its body may take this long, in seconds.
BODY_SECONDS = 1.0
# A kept connection is closed so many seconds after its address was checked.
MAX_AGE = 60.0


class Failed(Exception):
    """No answer came. Neither urllib3 nor requests knows this class, so that both let it pass."""

    def __init__(self, error_class: ErrorClass, error: str) -> None:
        super().__init__(error)
        self.error_class = error_class
        self.error = error


class ClosedMeanwhile(Failed):
    """A kept connection turned out to be closed before the first byte of an answer."""


class TooLarge(Exception):
    """More bytes came than were asked for."""


class _Limits(threading.local):
    """Of the exchange that this thread is in: when it must be over (time.monotonic), and the bytes it may receive."""

    deadline = 0.0
    bytes_left = 0

    def begin(self, deadline: float) -> None:
        self.deadline, self.bytes_left = deadline, HEAD_BYTES

    def go_on_with_body(self) -> None:
        self.deadline = min(self.deadline, time.monotonic() + BODY_SECONDS)
        self.bytes_left = BODY_BYTES

    @property
    def seconds(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return left


limits = _Limits()


class _Limited:
    """Of a socket. Only what http.client and ssl call is limited: they receive by recv_into alone."""

    def recv_into(self, *args: Any) -> int:
        if limits.bytes_left <= 0:
            raise TooLarge
        self.settimeout(limits.seconds)  # type: ignore[attr-defined]
        received: int = super().recv_into(*args)  # type: ignore[misc]
        limits.bytes_left -= received
        return received

    def sendall(self, *args: Any) -> None:
        self.settimeout(limits.seconds)  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class _Socket(_Limited, socket.socket):
    pass


class _TLSSocket(_Limited, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(limits.seconds)
        super().do_handshake(block)

    def recv(self, *args: Any) -> bytes:
        # ssl's constructor receives on a connection that is gone by then, and would leave the socket open.
        try:
            return super().recv(*args)
        except OSError:
            self.close()
            raise


@lru_cache(maxsize=1)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """One for all connections: loading the certificates takes 20 ms of CPU."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.sslsocket_class = _TLSSocket
    # urllib3 calls it before each handshake; OpenSSL does not allow that while another thread begins one.
    context.set_alpn_protocols = lambda _: None  # type: ignore[method-assign, assignment]
    return context


@cache
def _resolver(process: int) -> ThreadPoolExecutor:
    """Of each process: a child has none of its parent's threads.

    getaddrinfo cannot be interrupted: it runs beside, and is left behind when the deadline comes first.
    """
    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolver")


def _resolve(host: str, port: int) -> list[str]:
    lookup = _resolver(os.getpid()).submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = lookup.result(timeout=limits.seconds)
    finally:
        lookup.cancel()
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _checked_addresses(host: str, port: int) -> list[str]:
    """Every address of the host, all of them checked: one bad address refuses the name."""
    try:
        return [str(ip_address(host))]  # `parse_target` has checked it
    except ValueError:
        pass
    try:
        addresses = _resolve(host, port)
    except TimeoutError:
        raise Failed(ErrorClass.DNS, f"{host} was not resolved in time.") from None
    except (OSError, UnicodeError) as error:
        raise Failed(ErrorClass.DNS, f"{host} does not resolve: {error}") from None
    try:
        for address in addresses:
            check_address(address)
    except TargetRefused:
        # Not which one: the server here may know names and addresses that the studio does not.
        raise Failed(ErrorClass.ADDRESS, f"{host} leads to an address that is not public.") from None
    return addresses


def _open(address: str, port: int, timeout: float) -> socket.socket:
    sock = _Socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


class _ProxyConnection(HTTPConnection):
    """To the egress proxy of the settings."""

    def _new_conn(self) -> socket.socket:
        (address, *_) = _resolve(self.host, self.port)
        return _open(address, self.port, limits.seconds)


def _open_through_proxy(address: str, port: int) -> socket.socket:
    proxy = urlsplit(settings.OUTBOUND_PROXY)
    connection = _ProxyConnection(proxy.hostname or "", proxy.port or 3128)
    connection.set_tunnel(address, port)
    try:
        connection.connect()
    except http.client.HTTPException as error:
        connection.close()
        raise OSError(f"the egress proxy's answer is not HTTP: {error!r}") from None
    except BaseException:
        connection.close()
        raise
    return connection.sock


def _connect(host: str, port: int) -> socket.socket:
    """A connection to the first checked address that answers; each gets an equal share of the time left."""
    addresses = _checked_addresses(host, port)
    failure = Failed(ErrorClass.DNS, f"{host} has no address.")
    for tried, address in enumerate(addresses):
        try:
            if settings.OUTBOUND_PROXY:
                return _open_through_proxy(address, port)
            return _open(address, port, limits.seconds / (len(addresses) - tried))
        except TimeoutError:
            failure = Failed(ErrorClass.CONNECT_TIMEOUT, f"{address} did not accept a connection in time.")
        except ConnectionResetError:
            failure = Failed(ErrorClass.RESET, f"{address} broke the connection at once.")
        except OSError as error:
            failure = Failed(ErrorClass.CONNECT, f"{address}: {error.strerror or error}")
    raise failure


class _FinalAnswer(http.client.HTTPResponse):
    """The one after "102 Processing" and "103 Early Hints": the library passes over 100 alone.

    No other answer comes over its connection after a refusal, whatever the server offers.
    """

    is_last = False

    def begin(self) -> None:
        super().begin()
        self.will_close = self.will_close or self.is_last or not 200 <= self.status < 300

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 102 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _LastAnswer(_FinalAnswer):
    is_last = True


class _Connection(HTTPConnection):
    """Kept after a 2xx that was read to its end, and after nothing else."""

    _checked_at = 0.0
    _has_answered = False

    def _new_conn(self) -> socket.socket:
        self._checked_at, self._has_answered = time.monotonic(), False
        return _connect(self.host, self.port)

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError:
            raise Failed(ErrorClass.TIMEOUT, "TLS was not set up in time.") from None
        except ssl.SSLError as error:
            raise Failed(ErrorClass.TLS, _tls_words(error)) from None
        except OSError as error:
            raise Failed(ErrorClass.RESET, f"The connection broke while TLS was set up: {error}") from None

    @property
    def is_connected(self) -> bool:
        """Asked before a kept connection is used again."""
        return time.monotonic() - self._checked_at < MAX_AGE and super().is_connected

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any) -> None:
        self.response_class = _LastAnswer if headers["Connection"] == "close" else _FinalAnswer
        with self._explained():
            super().request(method, url, body, headers, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        with self._explained():
            response = super().getresponse()
        self._has_answered = True
        limits.go_on_with_body()
        return response

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise Failed(ErrorClass.TIMEOUT, "There was no answer in time.") from None
        except TooLarge:
            words = f"The answer's headers are larger than {HEAD_BYTES} bytes."
            raise Failed(ErrorClass.HEADERS_TOO_LARGE, words) from None
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            # http.client.RemoteDisconnected is a ConnectionError.
            kind = ClosedMeanwhile if self._has_answered and limits.bytes_left == HEAD_BYTES else Failed
            raise kind(ErrorClass.RESET, f"The connection broke before an answer: {error}") from None
        except ssl.SSLError as error:
            raise Failed(ErrorClass.TLS, _tls_words(error)) from None
        except OSError as error:
            raise Failed(ErrorClass.RESET, f"The connection broke before an answer: {error}") from None
        except (http.client.HTTPException, HTTPError, ValueError) as error:
            if isinstance(error, http.client.LineTooLong) or "headers" in str(error):
                words = f"The answer's head is too large: {error}"
                raise Failed(ErrorClass.HEADERS_TOO_LARGE, words) from None
            raise Failed(ErrorClass.MALFORMED, f"The answer is not HTTP: {error!r}") from None


def _tls_words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or str(error)


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection

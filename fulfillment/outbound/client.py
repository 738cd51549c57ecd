"""The one module that speaks HTTP to the outside world.

`post` sends one request and always comes back within its deadline with an `Answer`: whatever the
other side does is an answer, not an exception. It connects to an address that it has checked itself
(so that a second look-up cannot lead elsewhere), follows no redirect, reads no proxy from the
environment, decompresses nothing, and reads a bounded number of bytes.

The standard library's HTTP client on a socket of our own: timeouts of the usual libraries are per
read, so that a server that sends a byte a second holds them for ever.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from fulfillment.models import ErrorClass
from fulfillment.outbound.targets import Target, TargetRefused, check_address, parse_target

KEPT_BODY = 8 * 1024
KEPT_HEADERS = 50
KEPT_HEADER_VALUE = 500
# What an answer may send at most: status line and headers (interim answers included), then the body.
HEAD_BYTES = 64 * 1024
# The status has been seen, so the answer's meaning is known: its body may take this long, in seconds.
BODY_SECONDS = 1.0
# What partners' servers tell their clients in confidence is not for a log.
SECRET_HEADERS = {"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"}


# getaddrinfo cannot be interrupted: it runs beside, and is left behind when the deadline comes first.
_resolver = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolver")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `status` is None where none arrived; `error_class` is "" for a plain 2xx."""

    status: int | None = None
    error_class: str = ""
    error: str = ""
    duration_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class _Failed(Exception):
    def __init__(self, error_class: ErrorClass, error: str) -> None:
        super().__init__(error)
        self.error_class = error_class
        self.error = error


class _TooLarge(Exception):
    """More bytes came than were asked for."""


class _Bounds:
    """Of a socket: the moment (time.monotonic) when it must be done, and the bytes it may still receive."""

    deadline: float
    bytes_left: int

    # Only what http.client calls is bounded: it receives by recv_into alone.
    def recv_into(self, *args: Any) -> int:
        if self.bytes_left <= 0:
            raise _TooLarge
        self.settimeout(_remaining(self.deadline))  # type: ignore[attr-defined]
        received: int = super().recv_into(*args)  # type: ignore[misc]
        self.bytes_left -= received
        return received

    def sendall(self, *args: Any) -> None:
        self.settimeout(_remaining(self.deadline))  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class _BoundedSocket(_Bounds, socket.socket):
    pass


class _BoundedTLSSocket(_Bounds, ssl.SSLSocket):
    def recv(self, *args: Any) -> bytes:
        # ssl's constructor receives on a connection that is gone by then, and would leave the socket open.
        try:
            return super().recv(*args)
        except OSError:
            self.close()
            raise


_Socket = _BoundedSocket | _BoundedTLSSocket


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline is over")
    return left


def post(*, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
    """POST `body` to `url` and return what came of it, at most `timeout` seconds later. Never raises for the peer."""
    started = time.monotonic()
    try:
        answer = _exchange(url, headers, body, started + timeout)
    except _Failed as failure:
        answer = Answer(error_class=failure.error_class, error=failure.error)
    # Its words may quote what came, and no column takes NUL.
    words = answer.error.replace("\x00", "�")
    return replace(answer, error=words, duration_ms=round((time.monotonic() - started) * 1000))


def _exchange(url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
    try:
        target = parse_target(url)
        addresses = _resolve(target, deadline)
    except TargetRefused as refusal:
        raise _Failed(ErrorClass.ADDRESS, str(refusal)) from None
    sock: _Socket = _connect(target, addresses, deadline)
    try:
        if target.tls:
            sock = _start_tls(sock, target, deadline)
        return _converse(sock, target, headers, body, deadline)
    finally:
        sock.close()


def _resolve(target: Target, deadline: float) -> list[str]:
    """Every address of the target's host, all of them checked: one bad address refuses the name."""
    try:
        return [str(ip_address(target.host))]  # `parse_target` has checked it
    except ValueError:
        pass
    lookup = _resolver.submit(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
    try:
        found = lookup.result(timeout=_remaining(deadline))
    except TimeoutError:
        lookup.cancel()
        raise _Failed(ErrorClass.DNS, f"{target.host} was not resolved in time.") from None
    except (OSError, UnicodeError) as error:
        raise _Failed(ErrorClass.DNS, f"{target.host} does not resolve: {error}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_address(address)
    return addresses


def _connect(target: Target, addresses: list[str], deadline: float) -> _BoundedSocket:
    """A connection to the first address that answers; each gets an equal share of the time left."""
    failure = _Failed(ErrorClass.DNS, f"{target.host} has no address.")
    for tried, address in enumerate(addresses):
        try:
            share = _remaining(deadline) / (len(addresses) - tried)
            if settings.OUTBOUND_PROXY:
                return _connect_through_proxy(address, target.port, share, deadline)
            return _open(address, target.port, share, deadline)
        except TimeoutError:
            failure = _Failed(ErrorClass.CONNECT_TIMEOUT, f"{address} did not accept a connection in time.")
        except ConnectionResetError:
            failure = _Failed(ErrorClass.RESET, f"{address} broke the connection at once.")
        except OSError as error:
            failure = _Failed(ErrorClass.CONNECT, f"{address}: {error.strerror or error}")
    raise failure


def _open(host: str, port: int, timeout: float, deadline: float) -> _BoundedSocket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = _BoundedSocket(family, socket.SOCK_STREAM)
    sock.deadline, sock.bytes_left = deadline, HEAD_BYTES
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _connect_through_proxy(address: str, port: int, timeout: float, deadline: float) -> _BoundedSocket:
    """A tunnel to the checked address, made by the egress proxy of the settings."""
    proxy = urlsplit(settings.OUTBOUND_PROXY)
    lookup = _resolver.submit(socket.gethostbyname, proxy.hostname or "")
    try:
        found = lookup.result(timeout=_remaining(deadline))
    finally:
        lookup.cancel()
    sock = _open(found, proxy.port or 3128, timeout, deadline)
    host = f"[{address}]" if ":" in address else address
    try:
        sock.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(sock, method="CONNECT")
        answer.begin()
        if answer.status != 200:
            raise OSError(f"the egress proxy answered {answer.status}")
    except http.client.HTTPException as error:
        sock.close()
        raise OSError(f"the egress proxy's answer is not HTTP: {error!r}") from None
    except BaseException:
        sock.close()
        raise
    return sock


@lru_cache(maxsize=1)
def _tls_context(ca_file: str) -> ssl.SSLContext:
    """One for all requests: loading the certificates takes 20 ms of CPU."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.sslsocket_class = _BoundedTLSSocket
    return context


def _start_tls(sock: socket.socket, target: Target, deadline: float) -> _BoundedTLSSocket:
    context = _tls_context(settings.OUTBOUND_CA_FILE)
    try:
        tls = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
    except OSError as error:
        raise _tls_failure(error) from None
    assert isinstance(tls, _BoundedTLSSocket)  # noqa: S101 - the context makes no others
    tls.deadline, tls.bytes_left = deadline, HEAD_BYTES
    try:
        tls.settimeout(_remaining(deadline))
        tls.do_handshake()
    except OSError as error:
        tls.close()
        raise _tls_failure(error) from None
    return tls


def _tls_failure(error: OSError) -> _Failed:
    if isinstance(error, TimeoutError):
        return _Failed(ErrorClass.TIMEOUT, "TLS was not set up in time.")
    if isinstance(error, ssl.SSLError):
        return _Failed(ErrorClass.TLS, _tls_words(error))
    return _Failed(ErrorClass.RESET, f"The connection broke while TLS was set up: {error}")


def _tls_words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or str(error)


class _FinalAnswer(http.client.HTTPResponse):
    """The one after "102 Processing" and "103 Early Hints": the library passes over 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 102 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


def _converse(
    sock: _Socket,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    deadline: float,
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.response_class = _FinalAnswer
    connection.sock = sock
    all_headers = {
        **headers,
        "Host": target.host_header,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    try:
        connection.request("POST", target.path, body=body, headers=all_headers)
        response = connection.getresponse()
    except TimeoutError:
        raise _Failed(ErrorClass.TIMEOUT, "There was no answer in time.") from None
    except _TooLarge:
        raise _Failed(
            ErrorClass.HEADERS_TOO_LARGE, f"The answer's headers are larger than {HEAD_BYTES} bytes."
        ) from None
    except ssl.SSLError as error:
        raise _Failed(ErrorClass.TLS, _tls_words(error)) from None
    except OSError as error:  # http.client.RemoteDisconnected is one
        raise _Failed(ErrorClass.RESET, f"The connection broke before an answer: {error}") from None
    except (http.client.HTTPException, ValueError) as error:
        raise _Failed(*_malformed(error)) from None
    sock.deadline = min(deadline, time.monotonic() + BODY_SECONDS)
    sock.bytes_left = KEPT_BODY * 4
    with response:
        kept, trouble, words = _read_body(response)
    answer = Answer(response.status, trouble, words, headers=_kept_headers(response), body=kept)
    if answer.succeeded:
        return answer
    if 300 <= response.status < 400:
        words = f"The answer is a redirect ({response.status}): give the final URL instead."
        return replace(answer, error_class=ErrorClass.REDIRECT, error=words)
    return replace(answer, error_class=ErrorClass.STATUS, error=f"The answer's status is {response.status}.")


def _malformed(error: Exception) -> tuple[ErrorClass, str]:
    if isinstance(error, http.client.LineTooLong) or "headers" in str(error):
        return ErrorClass.HEADERS_TOO_LARGE, f"The answer's head is too large: {error}"
    return ErrorClass.MALFORMED, f"The answer is not HTTP: {error!r}"


def _read_body(response: http.client.HTTPResponse) -> tuple[bytes, str, str]:
    """The first 8 KiB, and what was wrong with the body. It never changes what the status said."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        return (
            b"",
            ErrorClass.BODY_ENCODED,
            f"The body is encoded ({encoding[:40]}) though identity was asked.",
        )
    kept = bytearray()
    try:
        # read1 takes what is there, so that the beginning of a body that breaks off is kept.
        while len(kept) <= KEPT_BODY and (chunk := response.read1(KEPT_BODY + 1 - len(kept))):
            kept += chunk
    except TimeoutError:
        return bytes(kept), ErrorClass.BODY_TIMEOUT, "The body did not end in time."
    except (_TooLarge, OSError, http.client.HTTPException, ValueError) as error:
        return bytes(kept[:KEPT_BODY]), ErrorClass.BODY_BROKEN, f"The body broke off: {error!r}"[:300]
    if len(kept) > KEPT_BODY:
        return (
            bytes(kept[:KEPT_BODY]),
            ErrorClass.BODY_TOO_LARGE,
            "Only the first 8 KiB of the body were read.",
        )
    if response.length:
        return (
            bytes(kept),
            ErrorClass.BODY_BROKEN,
            f"The body broke off: {response.length} bytes are missing.",
        )
    return bytes(kept), "", ""


def _kept_headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """What the log keeps: no secrets, no more than is useful, nothing that a JSON column refuses (NUL)."""
    return {
        name[:100]: "(not kept)"
        if name.lower() in SECRET_HEADERS
        else str(value).replace("\x00", "�")[:KEPT_HEADER_VALUE]
        for name, value in response.headers.items()[:KEPT_HEADERS]
    }

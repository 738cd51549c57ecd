"""Whatever the other side does: an answer, within the deadline and 10 MB, saying what went wrong.

The peers here misbehave until the other side hangs up. A test fails where it does not.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable

import pytest

from fulfillment.outbound import client, connections
from fulfillment.outbound.client import Answer
from tests.fulfillment.peers import Authority, Peer, read_request, reset, running_peer

DEADLINE = 2.0  # for requests that are to run into it
PATIENCE = 60.0  # for all others: the machine may be slow
MEGABYTE = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def post(url: str, *, timeout: float = PATIENCE) -> Answer:
    """One request, held to 10 MB."""
    tracemalloc.start()
    try:
        answer = client.post(url=url, headers={"X-Test": "1"}, body=b"{}", timeout=timeout)
        assert tracemalloc.get_traced_memory()[1] < 10 * MEGABYTE
    finally:
        tracemalloc.stop()
    return answer


def timeout_for(error_class: str) -> float:
    return DEADLINE if "timeout" in error_class else PATIENCE


def post_to(behave: Peer, *, timeout: float = PATIENCE) -> Answer:
    with running_peer(behave) as port:
        return post(f"http://127.0.0.1:{port}/hook", timeout=timeout)


def answering(head: bytes, *, then: Peer = lambda _: None) -> Peer:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        then(connection)

    return behave


def repeat(what: bytes, pause: float = 0) -> Callable[[socket.socket], None]:
    """Send `what` until the other side hangs up."""

    def run(connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            connection.sendall(what)
            if pause:
                time.sleep(pause)
        raise AssertionError("nobody hung up")

    return run


def silence(connection: socket.socket) -> None:
    connection.settimeout(PATIENCE)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        raise AssertionError("nobody hung up") from None


def test_a_plain_exchange():
    requests = []

    def behave(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(OK)

    answer = post_to(behave)

    assert (answer.status, answer.error_class, answer.body) == (200, "", b"ok")
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity" in head
    assert body == b"{}"


# No answer


@pytest.mark.parametrize(
    ("why", "behave", "error_class"),
    [
        ("silent", silence, "timeout"),
        ("silent after the request", answering(b"", then=silence), "timeout"),
        ("dripping status line", answering(b"HTTP/1.1 ", then=repeat(b"2", 0.05)), "timeout"),
        ("dripping headers", answering(b"HTTP/1.1 200 OK\r\nX: ", then=repeat(b"a", 0.05)), "timeout"),
        ("dripping header lines", answering(b"HTTP/1.1 200 OK\r\n", then=repeat(b"X: y\r\n", 0.05)), "timeout"),
        ("dripping interim answers", answering(b"", then=repeat(b"HTTP/1.1 100 C\r\n\r\n", 0.05)), "timeout"),
        ("endless headers", answering(b"HTTP/1.1 200 OK\r\n", then=repeat(b"X: y\r\n" * 999)), "headers_too_large"),
        ("an endless header", answering(b"HTTP/1.1 200 OK\r\nX: ", then=repeat(b"a" * 9999)), "headers_too_large"),
        ("an endless status line", answering(b"HTTP/1.1 200 ", then=repeat(b"O" * 9999)), "headers_too_large"),
        ("endless interim answers", answering(b"", then=repeat(b"HTTP/1.1 100 C\r\n\r\n" * 99)), "headers_too_large"),
        ("closed at once", lambda connection: connection.close(), "reset"),
        ("reset at once", reset, "reset"),
        ("closed after the request", answering(b""), "reset"),
        ("reset after the request", answering(b"", then=reset), "reset"),
        ("closed within the status line", answering(b"HTTP/1.1"), "malformed"),
        ("not HTTP", answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "malformed"),
        ("not HTTP", answering(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"), "malformed"),
        ("a status that is none", answering(b"HTTP/1.1 abc OK\r\n\r\n"), "malformed"),
        ("a status out of range", answering(b"HTTP/1.1 99999 OK\r\n\r\n"), "malformed"),
    ],
)  # fmt: skip
def test_no_answer(why, behave, error_class):
    answer = post_to(behave, timeout=timeout_for(error_class))

    assert (answer.status, answer.error_class) == (None, error_class)
    assert answer.error.endswith(".") or ":" in answer.error


# An answer, but. What the status says stands: the receiver has the message, or has refused it.


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("why", "headers", "then", "error_class", "kept"),
    [
        ("dripping", b"Content-Length: 999", repeat(b"a", 0.05), "body_timeout", 1),
        ("stopped", b"Content-Length: 999", silence, "body_timeout", 0),
        ("100 MB", b"Content-Length: 104857600", repeat(b"a" * 65536), "body_too_large", 8192),
        ("endless", b"Connection: close", repeat(b"a" * 65536), "body_too_large", 8192),
        ("endless chunks", b"Transfer-Encoding: chunked", repeat(b"4\r\naaaa\r\n" * 99), "body_too_large", 8192),
        ("endless tiny chunks", b"Transfer-Encoding: chunked", repeat(b"1\r\na\r\n" * 999), "body_broken", 0),
        ("an endless chunk size", b"Transfer-Encoding: chunked", repeat(b"0" * 999), "body_broken", 0),
        ("a chunk size that is none", b"Transfer-Encoding: chunked", repeat(b"zz\r\n"), "body_broken", 0),
        ("broken off", b"Content-Length: 999", lambda connection: connection.close(), "body_broken", 0),
        ("reset", b"Content-Length: 999", reset, "body_broken", 0),
        ("a gzip bomb", b"Content-Encoding: gzip", repeat(gzip.compress(bytes(MEGABYTE))), "body_encoded", 0),
        ("an unknown encoding", b"Content-Encoding: br", repeat(b"x"), "body_encoded", 0),
    ],
)  # fmt: skip
def test_a_body_changes_nothing_of_what_the_status_says(
    monkeypatch, status, why, headers, then, error_class, kept
):
    if "timeout" not in error_class:
        monkeypatch.setattr(connections, "BODY_SECONDS", PATIENCE)
    behave = answering(b"HTTP/1.1 %d Words\r\n%s\r\n\r\n" % (status, headers), then=then)
    answer = post_to(behave, timeout=timeout_for(error_class))

    assert answer.status == status
    assert answer.succeeded == (status == 200)
    assert answer.error_class == (error_class if status == 200 else "status")
    assert kept <= len(answer.body) <= 8192


@pytest.mark.parametrize("length", [b"-5", b"abc", b"9" * 5000, b"0"])
def test_odd_lengths(length):
    answer = post_to(answering(b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % length))

    assert (answer.status, answer.error_class) == (200, "")


def test_a_connection_that_ends_within_the_headers_had_a_status():
    assert post_to(answering(b"HTTP/1.1 200 OK\r\nX: ")).status == 200


def test_interim_answers_are_passed_over():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + hints * 2

    answer = post_to(answering(interim + OK))

    assert (answer.status, "Link" in answer.headers) == (200, False)


def test_another_protocol_is_no_answer():
    answer = post_to(answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK))
    assert (answer.status, answer.error_class) == (101, "status")


def test_interim_answers_without_end():
    assert post_to(repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n")).error_class == "headers_too_large"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    answer = post_to(answering(b"HTTP/1.1 %d Go\r\nLocation: http://127.0.0.1:1/\r\n\r\n" % status))

    assert (answer.status, answer.error_class) == (status, "redirect")


def test_kept_headers_are_bounded_and_without_secrets():
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: secret=1\r\nX-Nul: a\x00b\r\nX-Latin: \xe9\r\n"
    head += b"X-Long: " + b"a" * 5000 + b"\r\n"
    head += b"".join(b"X-%d: 1\r\n" % number for number in range(80))
    answer = post_to(answering(head + b"Content-Length: 0\r\n\r\n"))

    assert answer.headers["Set-Cookie"] == "(not kept)"
    assert "\x00" not in str(answer.headers)
    assert len(answer.headers["X-Long"]) == 500
    assert len(answer.headers) == 50


# Before the request


def test_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert post(f"http://127.0.0.1:{bound.getsockname()[1]}/").error_class == "connect"


def test_a_server_that_accepts_nobody():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:  # its queue is full: what comes now is not answered
            connection.setblocking(False)
            connection.connect_ex(address)
        try:
            answer = post(f"http://127.0.0.1:{address[1]}/", timeout=DEADLINE)
        finally:
            for connection in waiting:
                connection.close()

    assert answer.error_class == "connect_timeout"


def test_a_name_that_does_not_resolve(monkeypatch):
    def getaddrinfo(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    assert post("https://game.example.com/").error_class == "dns"


def test_a_name_server_that_does_not_answer(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(PATIENCE))

    answer = post("https://game.example.com/", timeout=DEADLINE)
    over.set()

    assert (answer.error_class, "in time" in answer.error) == ("dns", True)


# TLS


@pytest.fixture
def authority(tmp_path, settings) -> Authority:
    """The one authority that is trusted."""
    authority = Authority(tmp_path)
    settings.OUTBOUND_CA_FILE = str(authority.file)
    return authority


def post_tls(
    context: ssl.SSLContext,
    behave: Peer = answering(OK),  # noqa: B008
    *,
    timeout: float = PATIENCE,
) -> Answer:
    with running_peer(behave, tls=context) as port:
        return post(f"https://localhost:{port}/hook", timeout=timeout)


def test_tls_with_the_right_name(authority):
    assert post_tls(authority.server("localhost")).status == 200


def test_tls_tells_the_server_its_name(authority):
    context = authority.server("localhost")
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    post_tls(context)

    assert names == ["localhost"]


def test_tls_by_address(authority):
    with running_peer(answering(OK), tls=authority.server("127.0.0.1")) as port:
        assert post(f"https://127.0.0.1:{port}/").status == 200


def test_tls_for_the_wrong_host(authority):
    answer = post_tls(authority.server("game.example.com"))

    assert answer.error_class == "tls"
    assert "localhost" in answer.error


def test_tls_of_an_unknown_authority(authority, tmp_path_factory):
    answer = post_tls(Authority(tmp_path_factory.mktemp("other")).server("localhost"))

    assert (answer.status, answer.error_class) == (None, "tls")


def test_tls_that_expired(authority):
    answer = post_tls(authority.server("localhost", days=-1))

    assert (answer.error_class, "expired" in answer.error) == ("tls", True)


def test_tls_too_old(authority):
    context = authority.server("localhost")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    assert post_tls(context).error_class == "tls"


@pytest.mark.parametrize(
    ("behave", "error_class"),
    [
        (silence, "timeout"),
        (repeat(b"\x16\x03\x03\x00\x7a", 0.05), "tls"),
        (lambda connection: connection.sendall(OK), "tls"),
        (lambda connection: connection.recv(65536), "tls"),
        (reset, "reset"),
    ],
)
def test_a_server_without_tls(authority, behave, error_class):
    with running_peer(behave) as port:
        answer = post(f"https://localhost:{port}/", timeout=timeout_for(error_class))

    assert answer.error_class == error_class


@pytest.mark.parametrize(
    ("head", "then", "error_class"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", repeat(b"a", 0.05), "timeout"),
        (b"HTTP/1.1 200 OK\r\n", repeat(b"X: y\r\n" * 999), "headers_too_large"),
        (b"", reset, "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", repeat(b"a", 0.05), "body_timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", repeat(b"a" * 65536), "body_too_large"),
    ],
)
def test_misbehaviour_within_tls(authority, head, then, error_class):
    behave = answering(head, then=then)
    answer = post_tls(authority.server("localhost"), behave, timeout=timeout_for(error_class))

    assert answer.error_class == error_class


# The egress proxy of the settings


def tunnel(connection: socket.socket, answer: bytes, requests: list[bytes]) -> None:
    """A proxy that answers CONNECT, and then speaks for the server itself."""
    requests.append(connection.recv(65536))
    connection.sendall(answer)
    read_request(connection)
    connection.sendall(OK)


def test_the_proxy_is_asked_for_the_address_that_was_checked(settings):
    requests: list[bytes] = []
    behave = lambda connection: tunnel(connection, b"HTTP/1.1 200 Connected\r\n\r\n", requests)  # noqa: E731
    with running_peer(behave) as port:
        settings.OUTBOUND_PROXY = f"http://127.0.0.1:{port}"
        answer = post("http://localhost:9999/hook")

    assert answer.status == 200
    assert requests[0].split(b" ")[:2] in ([b"CONNECT", b"127.0.0.1:9999"], [b"CONNECT", b"[::1]:9999"])


@pytest.mark.parametrize("says", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"what?\r\n"])
def test_a_proxy_that_refuses(settings, says):
    behave = lambda connection: tunnel(connection, says, [])  # noqa: E731
    with running_peer(behave) as port:
        settings.OUTBOUND_PROXY = f"http://127.0.0.1:{port}"

        assert post("http://127.0.0.1:9999/hook").error_class == "connect"

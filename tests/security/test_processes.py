"""Attacks on the real site as `make run` starts it: byte for byte what no client of HTTP would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.running import Site, after_first_start, running_site

pytestmark = [pytest.mark.processes, pytest.mark.launcher]
PATIENCE = 60  # seconds, for a machine that does much else


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(after_first_start(tmp_path_factory.mktemp("site") / "state")) as site:
        yield site


def connect(site: Site) -> socket.socket:
    address = urlsplit(site.url)
    return socket.create_connection((address.hostname, address.port), timeout=PATIENCE)


# Sent behind the others: what has not hung up by then answers 404 and does.
LAST = b"GET /no/such/page HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def send(site: Site, raw: bytes) -> bytes:
    """What comes back until the site hangs up."""
    answer = b""
    with connect(site) as connection:
        # It may hang up in the middle of what it refuses.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw + LAST)
        with suppress(ConnectionResetError):
            while more := connection.recv(65536):
                answer += more
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(line.split(b" ")[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


def assert_answers(site: Site) -> None:
    assert requests.get(f"{site.url}/healthz", timeout=PATIENCE).status_code == 200


# Files

WAYS_OUT = [
    "../env",
    "../../env",
    "..%2fenv",
    "%2e%2e/env",
    "%2e%2e%2fdb.sqlite3",
    "..%5cenv",
    "....//env",
    "./../env",
    "users/../../env",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "%00",
    "..;/env",
    "%c0%ae%c0%ae/env",
]


@pytest.mark.parametrize("folder", ["media", "static"])
@pytest.mark.parametrize("way", WAYS_OUT)
def test_nothing_beside_the_folders_is_served(site: Site, folder: str, way: str) -> None:
    host = urlsplit(site.url).netloc
    answer = send(site, f"GET /{folder}/{way} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer)[0] in (400, 404)
    for secret in (b"SECRET_KEY", b"SQLite format", b"root:"):
        assert secret not in answer


def test_what_was_uploaded_is_served_as_a_picture(site: Site) -> None:
    pictures = [path for path in (site.state / "media").rglob("*") if path.is_file()]
    assert pictures
    for path in pictures[:5]:
        assert path.suffix == ".webp"
        assert path.read_bytes()[:4] == b"RIFF"
        address = f"{site.url}/media/{path.relative_to(site.state / 'media')}"
        assert requests.get(address, timeout=PATIENCE).headers["Content-Type"] == "image/webp"


# Requests within requests

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: hidden.example\r\n\r\n"
END = b"0\r\n\r\n"
LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED: dict[str, tuple[list[bytes], bytes]] = {
    "CL.TE": ([b"Content-Length: %d" % len(END + HIDDEN), CHUNKED], END + HIDDEN),
    "TE.CL": ([CHUNKED, b"Content-Length: 4"], b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n" + END),
    "two lengths": ([b"Content-Length: 0", LENGTH], HIDDEN),
    "a list of lengths": ([b"Content-Length: 0, %d" % len(HIDDEN)], HIDDEN),
    "a sign": ([b"Content-Length: +%d" % len(HIDDEN)], HIDDEN),
    "a negative length": ([b"Content-Length: -1"], HIDDEN),
    "a hexadecimal length": ([b"Content-Length: 0x%x" % len(HIDDEN)], HIDDEN),
    "a space before the colon": ([b"Content-Length : %d" % len(HIDDEN)], HIDDEN),
    "a space before the name": ([b" " + LENGTH], HIDDEN),
    "a folded line": ([b"X: a", b" b", LENGTH], HIDDEN),
    "another encoding": ([b"Transfer-Encoding: identity", LENGTH], HIDDEN),
    "an unknown encoding": ([b"Transfer-Encoding: xchunked", LENGTH], HIDDEN),
    "two encodings": ([CHUNKED, b"Transfer-Encoding: identity"], END + HIDDEN),
    "a list of encodings": ([CHUNKED + b", identity"], END + HIDDEN),
    "an odd space": ([b"Transfer-Encoding:\x0bchunked", LENGTH], HIDDEN),
    "a prefixed size": ([CHUNKED], b"0x0\r\n\r\n" + HIDDEN),
    "a size without end": ([CHUNKED], b"fffffffffffffffff1\r\n" + HIDDEN),
    "two hosts": ([b"Host: other.example", b"Content-Length: 0"], b""),
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_no_request_hides_in_another(site: Site, case: str) -> None:
    """It is refused, or read as RFC 9112 has it and the connection ended: what was hidden is never answered."""
    headers, body = SMUGGLED[case]
    host = urlsplit(site.url).netloc.encode()
    head = b"\r\n".join([b"POST /oauth/revoke HTTP/1.1", b"Host: " + host, *headers, b"", b""])
    answered = statuses(send(site, head + body))
    assert answered in ([400], [200], [200, 404]), answered  # 404: the last one of all, which is not hidden
    assert case in ("CL.TE", "TE.CL") or answered == [400]
    assert_answers(site)


MALFORMED: dict[str, bytes] = {
    "nothing": b"\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/9.9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "a method that is none": b"GE T / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nConnection: close\r\n\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long method": b"A" * 9000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that is none": b"GET healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long path": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long query": b"GET /?" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "NUL in the path": b"GET /\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 500_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X-%d: 1\r\n" % n for n in range(5000))
    + b"\r\n",
    "a long cookie": b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a="
    + b"b" * 60_000
    + b"\r\nConnection: close\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nabc\r\n\r\n",
    "an upgrade to HTTP/2": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
    ),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a WebSocket": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_no_request_breaks_the_site(site: Site, case: str) -> None:
    answered = statuses(send(site, MALFORMED[case]))
    assert answered or case == "HTTP/2"  # of which nothing is spoken: it hangs up
    assert [status for status in answered if status >= 500 and status not in (501, 505)] == []
    assert_answers(site)


# Connections


def test_sixty_slow_heads_keep_nobody_waiting(site: Site) -> None:
    with ExitStack() as slow:
        connections = [slow.enter_context(connect(site)) for _ in range(60)]
        for connection in connections:
            connection.sendall(b"POST /accounts/login/ HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        for _ in range(3):
            for connection in connections:
                connection.sendall(b"a")
            assert requests.get(f"{site.url}/campaigns/", timeout=PATIENCE).status_code == 200


def test_hundreds_of_idle_connections_keep_nobody_waiting(site: Site) -> None:
    with ExitStack() as idle:
        for _ in range(400):
            idle.enter_context(connect(site))
        assert requests.get(f"{site.url}/campaigns/", timeout=PATIENCE).status_code == 200
        assert_answers(site)


# The machine


def test_no_secret_is_in_the_list_of_processes(site: Site) -> None:
    secrets = [
        value
        for name in ("env", "studio.env")
        for line in (site.state / name).read_text().splitlines()
        if (value := line.partition("=")[2].strip("'\""))
        and any(w in line for w in ("KEY", "SECRET", "PASSWORD"))
    ]
    assert len(secrets) >= 3
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            commands.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it has just ended
    assert any("config.rsgi:application" in command for command in commands)
    assert [command[:60] for command in commands for secret in secrets if secret in command] == []

"""What stands between granian and Django, on a real granian: only whole bodies take a thread."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from config.server import PLACES, SMALL
from scripts.ports import free_port, wait_until_listening
from tests.config.echo import THREADS

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds, for a machine that does much else


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--http", "1", "--no-ws", "--port", str(port)),
            "tests.config.echo:application",
        ],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def connect(port: int, *sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    for part in sent:
        connection.sendall(part)
    return connection


def ask(port: int, *sent: bytes) -> dict[str, Any]:
    """Send a request as it is, on a connection that ends with the answer; what the application was given."""
    with connect(port, *sent) as connection:
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return told


def head(*lines: str, path: str = "/") -> bytes:
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: drops.example.com", "Connection: close", *lines, "", ""]
    ).encode()


def test_a_body_has_its_length_whether_it_came_with_one_or_in_chunks(port: int) -> None:
    declared = ask(port, head("Content-Length: 5"), b"he", b"llo")
    chunked = ask(port, head("Transfer-Encoding: chunked"), b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n")

    assert [(told["body"], told["CONTENT_LENGTH"], told["refused"]) for told in (declared, chunked)] == [
        ("hello", "5", 0),
        ("hello", "5", 0),
    ]
    assert "HTTP_TRANSFER_ENCODING" not in chunked


def test_a_request_without_a_body_has_an_empty_one(port: int) -> None:
    told = ask(port, head())

    assert (told["body"], told["CONTENT_LENGTH"], told["refused"]) == ("", "0", 0)


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_body_past_its_limit_is_refused_however_it_comes(port: int, kind: str) -> None:
    limit = 400_000 if kind == "text/plain" else 1_000
    for size, refused in ((limit, 0), (limit + 1, 413)):
        body = b"x" * size
        declared = ask(port, head(f"Content-Type: {kind}", f"Content-Length: {size}"), body)
        chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:900], body[900:])]
        chunked = ask(
            port, head(f"Content-Type: {kind}", "Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n"
        )

        assert [told["refused"] for told in (declared, chunked)] == [refused, refused]
        assert [len(told["body"]) for told in (declared, chunked)] == [0 if refused else size] * 2


def test_a_body_that_is_far_too_large_is_refused_before_it_is_sent(port: int) -> None:
    told = ask(port, head("Content-Length: 200000000"))

    assert told["refused"] == 413


def test_who_waits_for_a_sign_to_go_on_is_refused_before_the_body_is_sent(port: int) -> None:
    told = ask(port, head("Content-Length: 2000", "Expect: 100-continue"))

    assert told["refused"] == 413


@pytest.mark.parametrize("way", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_body_that_is_too_slow_is_refused(port: int, way: str) -> None:
    told = ask(port, head(way, path="/hurry"), b"1\r\n")

    assert (told["refused"], told["body"]) == (408, "")


def test_a_body_whose_chunks_break_off_is_refused(port: int) -> None:
    told = ask(port, head("Transfer-Encoding: chunked"), b"2\r\nhe\r\n", b"not a length\r\n")

    assert (told["refused"], told["body"]) == (400, "")


def test_bodies_under_way_take_no_thread(port: int) -> None:
    with ExitStack() as slow:
        for number in range(10 * THREADS):
            way = "Transfer-Encoding: chunked" if number % 2 else "Content-Length: 500"
            slow.enter_context(connect(port, head(way), b"1\r\n"))

        assert ask(port, head("Content-Length: 2"), b"hi")["body"] == "hi"


def test_large_bodies_wait_for_each_other_and_small_ones_for_none(port: int) -> None:
    large = "Content-Type: text/plain", f"Content-Length: {SMALL + 1}"
    body = b"x" * (SMALL + 1)
    with ExitStack() as slow:
        under_way = [
            slow.enter_context(connect(port, head(*large, "Expect: 100-continue"))) for _ in range(PLACES)
        ]
        for connection in under_way:
            assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")  # it has its place
            connection.sendall(body[:-1])
        waiting = slow.enter_context(connect(port, head(*large), body))

        assert ask(port, head("Content-Length: 2"), b"hi")["body"] == "hi"
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.recv(1)

        under_way[0].sendall(b"x")
        waiting.settimeout(PATIENCE)
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_is_streamed_arrives_whole(port: int) -> None:
    answers = [requests.get(f"http://127.0.0.1:{port}/streams", timeout=PATIENCE).text for _ in range(2)]

    assert answers == [f"{number}{'x' * 1_000_000}" for number in range(2)]


def test_bodies_that_break_off_take_no_thread(port: int) -> None:
    for number in range(10 * THREADS):
        way = "Transfer-Encoding: chunked" if number % 2 else "Content-Length: 500"
        connect(port, head(way), b"1\r\n").close()

    assert ask(port, head("Content-Length: 2"), b"hi")["body"] == "hi"


def test_header_names_with_underscores_speak_for_nobody(port: int) -> None:
    told = ask(
        port,
        head(
            "X-Forwarded-For: 7.7.7.7",
            "X_Forwarded_For: 1.2.3.4",
            "X_Forwarded-Proto: https",
            "Content_Length: 3",
        ),
    )

    assert told["HTTP_X_FORWARDED_FOR"] == "7.7.7.7"
    assert "HTTP_X_FORWARDED_PROTO" not in told
    assert "HTTP_CONTENT_LENGTH" not in told


def test_lines_of_the_same_header_are_one(port: int) -> None:
    told = ask(
        port, head("X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2", "Cookie: a=1", "Cookie: b=2")
    )

    assert told["HTTP_X_FORWARDED_FOR"] == "1.1.1.1,2.2.2.2"
    assert told["HTTP_COOKIE"] == "a=1;b=2"


def test_the_rest_is_as_wsgi_has_it(port: int) -> None:
    told = ask(port, head("Content-Type: text/plain", path="/caf%C3%A9%2F?q=%C3%A9"))

    assert told["REQUEST_METHOD"] == "POST"
    assert told["PATH_INFO"].encode("latin-1").decode() == "/café/"
    assert told["QUERY_STRING"] == "q=%C3%A9"
    assert told["CONTENT_TYPE"] == "text/plain"
    assert told["HTTP_HOST"] == "drops.example.com"
    assert told["REMOTE_ADDR"] == told["SERVER_NAME"] == "127.0.0.1"
    assert told["SERVER_PORT"] == str(port)
    assert told["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert told["wsgi.url_scheme"] == "http"


def test_an_application_that_breaks_costs_no_thread(port: int) -> None:
    for _ in range(2 * THREADS):
        assert requests.get(f"http://127.0.0.1:{port}/breaks", timeout=PATIENCE).status_code == 500

    assert ask(port, head("Content-Length: 2"), b"hi")["body"] == "hi"

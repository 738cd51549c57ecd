"""Connections are kept for the next request to the same endpoint, and only where that is safe."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from config import memory
from fulfillment.outbound import client, connections
from fulfillment.outbound.client import KEPT_PER_ENDPOINT, Answer
from tests.fulfillment.outbound.test_targets import resolve_to
from tests.fulfillment.peers import Authority, Peer, read_request, reset, running_peer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WAIT = 10  # seconds for what happens at once


def close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


class Server:
    """Answers the requests of each connection with the next of `answers`; what is a function is called instead.

    After the last one it waits for the other side to hang up.
    """

    def __init__(self, *first: Sequence[bytes | Peer], later: Sequence[bytes | Peer] = (OK,) * 100) -> None:
        self.requests: list[int] = []  # by connection
        self.hung_up = threading.Semaphore(0)
        self._first = list(first)
        self._later = later
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        with self._lock:
            answers = self._first.pop(0) if self._first else self._later
            number = len(self.requests)
            self.requests.append(0)
        try:
            for answer in answers:
                if not read_request(connection):
                    return
                self.requests[number] += 1
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)
            while connection.recv(65536):
                pass
        finally:
            self.hung_up.release()


def post(url: str, key: str | None = "endpoint", timeout: float = 5) -> Answer:
    return client.post(url=url, headers={}, body=b"{}", timeout=timeout, pool_key=key)


def post_twice(server: Server, *, tls: ssl.SSLContext | None = None, keys: Sequence[str | None] = ("a", "a")):
    with running_peer(server, tls=tls) as port:
        url = f"https://localhost:{port}/" if tls else f"http://127.0.0.1:{port}/"
        return [post(url, key, timeout=1) for key in keys]


@pytest.fixture(params=["http", "https"])
def tls(request, settings, tmp_path) -> ssl.SSLContext | None:
    """Of the server, once without and once with TLS."""
    if request.param == "http":
        return None
    authority = Authority(tmp_path)
    settings.OUTBOUND_CA_FILE = str(authority.file)
    return authority.server("localhost")


def test_two_requests_to_an_endpoint_go_over_one_connection(tls):
    server = Server()

    assert [answer.body for answer in post_twice(server, tls=tls)] == [b"ok", b"ok"]
    assert server.requests == [2]


def test_a_body_in_chunks_is_read_to_its_end(tls):
    server = Server([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"] * 2)

    assert [answer.body for answer in post_twice(server, tls=tls)] == [b"ok", b"ok"]
    assert server.requests == [2]


@pytest.mark.parametrize("keys", [("a", "b"), (None, None), (None, "a"), ("a", None)])
def test_endpoints_share_no_connection(keys):
    """Two organizations may have the same URL. Without a key nothing is kept, whatever the server wants."""
    server = Server()
    post_twice(server, keys=keys)

    assert server.requests == [1, 1]


def test_another_host_of_the_same_endpoint_has_its_own_connection():
    server = Server()
    with running_peer(server) as port:
        post(f"http://127.0.0.1:{port}/")
        post(f"http://localhost:{port}/")

    assert server.requests == [1, 1]


# Closed meanwhile


@pytest.mark.parametrize("end", [close, reset])
def test_a_request_on_a_connection_that_was_closed_meanwhile_is_sent_again(tls, end):
    """The server closes when the second request arrives: nothing showed it beforehand."""
    server = Server([OK, end])

    assert [answer.status for answer in post_twice(server, tls=tls)] == [200, 200]
    assert server.requests == [2, 1]


def test_a_connection_that_is_seen_to_be_closed_is_not_used():
    ended = threading.Event()

    def end(connection: socket.socket) -> None:
        connection.sendall(OK)
        close(connection)
        ended.set()

    server = Server([end])
    with running_peer(server) as port:
        post(f"http://127.0.0.1:{port}/")
        assert ended.wait(WAIT)
        assert post(f"http://127.0.0.1:{port}/").status == 200

    assert server.requests == [1, 1]


def test_a_request_is_sent_again_once():
    server = Server([OK, close], later=[close])
    second = post_twice(server)[1]

    assert (second.status, second.error_class) == (None, "reset")
    assert server.requests == [2, 1]


def test_a_request_on_a_new_connection_is_not_sent_again():
    server = Server(later=[close])
    with running_peer(server) as port:
        assert post(f"http://127.0.0.1:{port}/").error_class == "reset"

    assert server.requests == [1]


@pytest.mark.parametrize(
    ("beginning", "error_class"),
    [(b"HTTP/1.", "malformed"), (b"HTTP/1.1 100 Continue\r\n\r\n", "reset"), (b"HTTP/1.1 200 OK\r\nX: ", "")],
)
def test_a_request_with_half_an_answer_is_not_sent_again(tls, beginning, error_class):
    def end(connection: socket.socket) -> None:
        connection.sendall(beginning)
        close(connection)

    server = Server([OK, end])
    second = post_twice(server, tls=tls)[1]

    assert second.error_class == error_class
    assert server.requests == [2]


def test_silence_on_a_kept_connection_ends_at_the_deadline_and_is_not_tried_again(tls):
    server = Server([OK, b""])
    second = post_twice(server, tls=tls)[1]

    assert (second.status, second.error_class) == (None, "timeout")
    assert server.requests == [2]


# What is not kept


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("refused", b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"),
        ("refused", b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        ("redirect", b"HTTP/1.1 307 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
        ("another protocol", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ("the server closes", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        ("an old server", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("cut", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"),
        ("a chunk is missing", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"),
        ("not a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok\r\n"),
        ("too large", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"a" * 9999),
        ("encoded", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"),
        ("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ],
)
def test_a_connection_is_kept_after_a_clean_success_alone(why, answer):
    server = Server([answer, OK])

    assert post_twice(server)[1].status == 200
    assert server.requests == [1, 1]
    assert server.hung_up.acquire(timeout=WAIT)


def test_what_a_server_says_unasked_is_not_taken_for_an_answer():
    more, said = threading.Event(), threading.Event()

    def say_more(connection: socket.socket) -> None:
        connection.sendall(OK)
        assert more.wait(WAIT)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
        said.set()

    server = Server([say_more, OK])
    with running_peer(server) as port:
        post(f"http://127.0.0.1:{port}/")
        more.set()
        assert said.wait(WAIT)
        assert post(f"http://127.0.0.1:{port}/").body == b"ok"

    assert server.requests == [1, 1]


# Age


def test_while_a_connection_is_young_its_name_is_not_looked_up_again(monkeypatch):
    server = Server()
    with running_peer(server) as port, monkeypatch.context() as patched:
        asked = resolve_to(patched, ["127.0.0.1"])
        for _ in range(3):
            assert post(f"http://game.example.com:{port}/").status == 200

    assert (asked, server.requests) == (["game.example.com"], [3])


def test_a_name_that_leads_inside_by_now_is_refused_when_the_connection_is_old(monkeypatch):
    server = Server()
    with running_peer(server) as port, monkeypatch.context() as patched:
        asked = resolve_to(patched, ["127.0.0.1"], ["10.0.0.1"])
        assert post(f"http://game.example.com:{port}/").status == 200
        patched.setattr(connections, "MAX_AGE", 0)
        assert post(f"http://game.example.com:{port}/").error_class == "address"
        assert server.hung_up.acquire(timeout=WAIT)

    assert (len(asked), server.requests) == (2, [1])


# How many


def post_at_once(count: int, port: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(post, [f"http://127.0.0.1:{port}/"] * count))
    assert [answer.status for answer in answers] == [200] * count


def test_few_idle_connections_are_kept_per_endpoint():
    many = KEPT_PER_ENDPOINT + 2

    def once_there_are(count: int) -> Peer:
        barrier = threading.Barrier(count)

        def answer(connection: socket.socket) -> None:
            barrier.wait(WAIT)
            connection.sendall(OK)

        return answer

    server = Server(later=[once_there_are(many), once_there_are(KEPT_PER_ENDPOINT)])
    with running_peer(server) as port:
        post_at_once(many, port)
        for _ in range(many - KEPT_PER_ENDPOINT):
            assert server.hung_up.acquire(timeout=WAIT)
        post_at_once(KEPT_PER_ENDPOINT, port)

    assert sorted(server.requests) == [1] * 2 + [2] * KEPT_PER_ENDPOINT


def test_few_endpoints_have_idle_connections(monkeypatch):
    memory.forget()
    monkeypatch.setattr(client, "KEPT_ENDPOINTS", 2)
    server = Server()
    with running_peer(server) as port:
        for key in ("a", "b", "c"):
            post(f"http://127.0.0.1:{port}/", key)
        assert server.hung_up.acquire(timeout=WAIT)
        for key in ("c", "b"):
            post(f"http://127.0.0.1:{port}/", key)

    assert server.requests == [1, 2, 2]


# Threads and processes


def test_each_thread_gets_the_answer_to_its_own_request(tls):
    def echo(connection: socket.socket) -> None:
        while request := read_request(connection):
            number = request.partition(b"X-Number: ")[2].partition(b"\r\n")[0]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(number), number))

    def ask(number: int) -> bytes:
        headers = {"X-Number": str(number)}
        return client.post(url=url, headers=headers, body=b"{}", timeout=WAIT, pool_key="a").body

    with running_peer(echo, tls=tls) as port, ThreadPoolExecutor(8) as pool:
        url = f"https://localhost:{port}/" if tls else f"http://127.0.0.1:{port}/"
        assert list(pool.map(ask, range(200))) == [b"%d" % number for number in range(200)]


def test_a_child_does_not_use_its_parents_connections(tls):
    server = Server()
    with running_peer(server, tls=tls) as port:
        url = f"https://localhost:{port}/" if tls else f"http://127.0.0.1:{port}/"
        post(url)
        child = os.fork()
        if not child:
            os._exit(0 if post(url).status == 200 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert post(url).status == 200

    assert server.requests == [2, 1]


def test_a_kept_connection_goes_through_the_proxy_once(settings):
    asked: list[bytes] = []

    def tunnel(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        while read_request(connection):
            connection.sendall(OK)

    with running_peer(tunnel) as port:
        settings.OUTBOUND_PROXY = f"http://127.0.0.1:{port}"
        assert [post("http://127.0.0.1:9999/").status for _ in range(2)] == [200, 200]

    assert len(asked) == 1

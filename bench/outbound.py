"""What kept connections save: deliveries over TLS, beside the same with a connection for each."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import measure, servers

ROUNDS = 5
IN_A_ROUND = 400
THREADS = 4  # so many connections are kept per endpoint
BODY = json.dumps({"claim_id": "01JD3Z8Q6W5R4T3Y2V1B0N9M8K", "user_id": 1}).encode()


@measure(floor=3, unit="deliveries/s")
def delivery_tls() -> tuple[float, float]:
    """Requests of a delivery's size over TLS, with and without kept connections, to a server that answers at once."""
    with servers.running_database("sqlite") as database, tempfile.TemporaryDirectory() as folder:
        servers.set_up_django(database_url=database, OUTBOUND_CA_FILE=f"{folder}/authority.pem")
        return posts_per_second(Path(folder))


def posts_per_second(folder: Path) -> tuple[float, float]:
    with tls_server(folder) as url:
        kept = fresh = 0.0
        post_all(url, pool_key="endpoint", count=THREADS)
        for _ in range(ROUNDS):  # in turn, so that both meet the machine as it is
            kept += seconds(url, pool_key="endpoint")
            fresh += seconds(url, pool_key=None)
        return ROUNDS * IN_A_ROUND / kept, ROUNDS * IN_A_ROUND / fresh


def seconds(url: str, *, pool_key: str | None) -> float:
    started = time.perf_counter()
    post_all(url, pool_key=pool_key, count=IN_A_ROUND)
    return time.perf_counter() - started


def post_all(url: str, *, pool_key: str | None, count: int) -> None:
    from fulfillment.outbound import client

    def post(_: int) -> bool:
        return client.post(url=url, headers={}, body=BODY, timeout=10, pool_key=pool_key).succeeded

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(post, range(count)))


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """In a process of its own, with an authority that it puts into `folder`; yields its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, theirs))
    process.start()
    try:
        yield f"https://localhost:{ours.recv()}/"
    finally:
        ours.send("stop")
        process.join()


def serve(folder: Path, measuring: Any) -> None:
    from tests.fulfillment.peers import Authority, running_peer

    def answer(connection: Any) -> None:
        request = b""
        while more := connection.recv(65536):
            request += more
            if request.endswith(b"}"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                request = b""

    with running_peer(answer, tls=Authority(folder).server("localhost")) as port:
        measuring.send(port)
        measuring.recv()

"""The studio's server: it misbehaves, and knows exactly what it got and what it said."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHARES = {"500": 0.15, "lost": 0.05, "reset": 0.05, "slow": 0.05}  # the rest: 200 at once


@dataclass(frozen=True)
class Seen:
    """One whole request. `said` is the status that was sent, or 0: none was."""

    path: str
    headers: Message
    body: bytes
    said: int

    @property
    def message_id(self) -> str:
        return self.headers["Kick-Event-Message-ID"]


class Sink:
    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.misbehaving = True
        self.seen: list[Seen] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def next_behaviour(self) -> str:
        with self._lock:
            draw = self._random.random()
        for behaviour, share in SHARES.items():
            if draw < share:
                return behaviour if self.misbehaving else "200"
            draw -= share
        return "200"

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)


@contextmanager
def running_sink(seed: int) -> Iterator[Sink]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the sender was killed while it sent: this was no request
            behaviour = sink.next_behaviour()
            if behaviour == "slow":
                time.sleep(random.uniform(0.5, 4))
            said = {"500": 500, "lost": 0, "reset": 0}.get(behaviour, 200)
            # Noted first: what the sender then learns of it is a matter of chance.
            sink.note(Seen(self.path, self.headers, body, said))
            if said:
                self.send_response(said)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif behaviour == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            """The senders are killed in the middle of everything."""

    server = Server(("127.0.0.1", 0), Handler)
    sink = Sink(f"http://127.0.0.1:{server.server_port}/hooks", seed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()

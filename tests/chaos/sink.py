"""The studios' server: it misbehaves, and knows exactly what it got and what it said."""

from __future__ import annotations

import json
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

# "lost": what came was processed, and the connection closed without a word.
SHARES = {"well": 0.70, "500": 0.15, "lost": 0.05, "reset": 0.05, "slow": 0.05}


@dataclass(frozen=True)
class Seen:
    """One whole request. `said` is the status that was sent, or 0: none was."""

    url: str
    headers: Message
    body: bytes
    said: int

    @property
    def message_id(self) -> str:
        return self.headers["Kick-Event-Message-ID"]

    @property
    def claim_id(self) -> str:
        return json.loads(self.body)["claim_id"]


class Sink:
    """`seen` is all that came."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.seen: list[Seen] = []
        self._random = random.Random(seed)

    def next_behaviour(self) -> str:
        (behaviour,) = self._random.choices([*SHARES], [*SHARES.values()])
        return behaviour

    def slowness(self) -> float:
        """Seconds: more than the 3 s that a viewer's request waits for, or less."""
        return self._random.uniform(0.5, 4)


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
                time.sleep(sink.slowness())
            said = {"500": 500, "lost": 0, "reset": 0}.get(behaviour, 200)
            # Noted first: what the sender then learns of it is a matter of chance.
            sink.seen.append(Seen(f"{sink.url}{self.path}", self.headers, body, said))
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
    sink = Sink(f"http://127.0.0.1:{server.server_port}", seed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()

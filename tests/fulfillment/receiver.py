"""A studio's server: a real one, on 127.0.0.1, that keeps what it gets and answers as it is told."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding


@dataclass(frozen=True)
class Received:
    path: str
    headers: Message
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["Kick-Event-Message-ID"]

    @property
    def signed(self) -> bytes:
        return f"{self.message_id}.{self.headers['Kick-Event-Timestamp']}.".encode() + self.body

    def is_signed_by(self, public_key_pem: str) -> bool:
        key = serialization.load_pem_public_key(public_key_pem.encode())
        signature = base64.b64decode(self.headers["Kick-Event-Signature"], validate=True)
        try:
            key.verify(signature, self.signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Receiver:
    """`replies` are given one after the other, the last one for ever. `decide`, if set, is asked instead."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.replies = [Reply()]
        self.decide: Callable[[Received], Reply] | None = None
        self._lock = threading.Lock()

    def answers(self, *replies: Reply | int) -> None:
        self.replies = [Reply(reply) if isinstance(reply, int) else reply for reply in replies]

    def take(self, received: Received) -> Reply:
        with self._lock:
            self.received.append(received)
            if self.decide is None:
                return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return self.decide(received)


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = receiver.take(Received(self.path, self.headers, body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            with suppress(ConnectionError):  # nobody waits any more for an answer that is late
                self.end_headers()
                self.wfile.write(reply.body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""A mail server on loopback, which takes what it is given unless it is told otherwise."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What the server answers to a line, or None to say nothing more on this connection.
Answer = Callable[[str], str | None]


def takes_all(line: str) -> str:
    match line[:4].upper():
        case "DATA":
            return "354 go on"
        case "QUIT":
            return "221 bye"
    return "250 ok"


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.answer: Answer = takes_all
        self.taken: list[str] = []  # the recipient of each mail
        self.over = threading.Event()
        self.asked = threading.Event()  # somebody waits for an answer that does not come


class _Connection(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        recipient = ""
        while line := self.rfile.readline().decode().strip():
            answer = self.server.answer(line)
            if answer is None:
                self.server.asked.set()
                self.server.over.wait()
                return
            if line.upper().startswith("RCPT") and answer.startswith("250"):
                recipient = line.partition("<")[2].rstrip(">")
            self._say(answer)
            if answer.startswith("354"):
                while (text := self.rfile.readline()).strip() != b".":
                    if not text:  # whoever sent it is gone
                        return
                self.server.taken.append(recipient)
                self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()

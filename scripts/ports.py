"""Ports of this machine. `python -m scripts.ports 8000 9000` waits until somebody listens on each."""

from __future__ import annotations

import secrets
import socket
import sys
import time

# Below those that systems give to outgoing connections: nothing takes one by chance before it is used.
FIRST, LAST = 20_000, 32_000


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    while not is_free(port := FIRST + secrets.randbelow(LAST - FIRST)):
        pass
    return port


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        # As servers do it: a connection that lingers from the last run does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until_listening(port: int, *, seconds: float = 300) -> None:
    """Return once somebody accepts connections on the port; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port} after {seconds:g} s")


if __name__ == "__main__":
    for port in sys.argv[1:]:
        wait_until_listening(int(port))

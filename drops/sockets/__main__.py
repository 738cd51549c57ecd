"""`python -m drops.sockets --host 127.0.0.1 --port 8001`: the viewer WebSocket, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import sys

import django
import uvloop


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m drops.sockets")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8001)
    asked = arguments.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # Each socket is an open file.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve(asked.host, asked.port))
    return 0


async def serve(host: str, port: int) -> None:
    from django.conf import settings

    from config import metrics
    from drops.sockets.server import Sockets

    if not settings.REDIS_URL:
        raise SystemExit("The viewer WebSocket needs REDIS_URL: what it tells comes through Redis.")
    metrics.serve("sockets")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Sockets().run(host=host, port=port, stop=stop)


if __name__ == "__main__":
    sys.exit(main())

"""A WebSocket server that does nothing: `python -m bench.bare_sockets PORT`."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def listen(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def main(port: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with serve(listen, "127.0.0.1", port, compression=None, backlog=2048):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

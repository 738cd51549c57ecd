"""Opens a socket for each line of standard input, `TOKEN CHANNEL`, says so, and keeps them until it is stopped:
`python -m bench.open_sockets PORT`."""

from __future__ import annotations

import asyncio
import json
import resource
import sys

import uvloop
from websockets.asyncio.client import ClientConnection, connect

AT_ONCE = 100


async def main(port: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    places = asyncio.Semaphore(AT_ONCE)
    opened: list[ClientConnection] = []

    async def open_one(token: str, channel: str) -> None:
        async with places:
            url = f"ws://127.0.0.1:{port}/viewer/v1/connect?token={token}"
            connection = await connect(
                url, compression=None, open_timeout=60, max_queue=4, ping_interval=None
            )
            follow = {"type": "channel_follow", "data": {"message": {"channelId": channel}}}
            await connection.send(json.dumps(follow))
            opened.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for line in sys.stdin:
            tasks.create_task(open_one(*line.split()))
    print(len(opened), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))

"""Who may open a socket, how many of them, and until when."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus

from drops.sockets import limits
from drops.sockets.frames import Close


def test_a_socket_needs_a_good_token(run, clock, viewer):
    async def open_them(drops):
        good = drops.token(viewer)
        clock.shift(301)
        for token in ("", "x", good, good[:-1] + "_", "1" * 5000):
            with pytest.raises(InvalidStatus) as refused:
                async with drops.client(token=token or "%20"):
                    pass
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body)["data"] is None

    run(open_them)


def test_pages_of_other_origins_may_not_connect(run, settings, viewer):
    settings.SOCKET_ORIGINS = ["https://streams.example"]

    async def open_them(drops):
        for origin in (None, settings.SITE_URL, "https://streams.example"):
            async with drops.client(viewer, origin=origin) as client:
                await client.heard_until_pong()
        for origin in ("https://evil.example", "null", f"{settings.SITE_URL}.evil.example"):
            with pytest.raises(InvalidStatus) as refused:
                async with drops.client(viewer, origin=origin):
                    pass
            assert refused.value.response.status_code == 403

    run(open_them)


def test_a_viewer_has_so_many_sockets(run, viewer, stranger):
    async def open_them(drops):
        async with asyncio.TaskGroup() as tasks:
            opened = asyncio.Semaphore(0)
            enough = asyncio.Event()

            async def one():
                async with drops.client(viewer) as client:
                    await client.heard_until_pong()
                    opened.release()
                    await enough.wait()

            for _ in range(limits.SOCKETS_OF_A_VIEWER):
                tasks.create_task(one())
            for _ in range(limits.SOCKETS_OF_A_VIEWER):
                await opened.acquire()
            with pytest.raises(InvalidStatus) as refused:
                async with drops.client(viewer):
                    pass
            assert refused.value.response.status_code == 429
            async with drops.client(stranger) as client:
                await client.heard_until_pong()
            enough.set()

    run(open_them)


def test_a_full_process_says_so(run, viewer, monkeypatch):
    monkeypatch.setattr(limits, "SOCKETS", 0)

    async def open_it(drops):
        with pytest.raises(InvalidStatus) as refused:
            async with drops.client(viewer):
                pass
        assert refused.value.response.status_code == 503

    run(open_it)


def test_other_addresses_are_none(run, viewer):
    async def ask(drops):
        for path, status in (("/", 404), ("/viewer/v1/beat", 404), ("/healthz", 200), ("/readyz", 503)):
            reader, writer = await asyncio.open_connection("127.0.0.1", drops.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            assert answer.startswith(f"HTTP/1.1 {status} ".encode()), path

    run(ask)


def test_a_socket_ends_with_its_token(run, clock, viewer):
    async def wait(drops):
        token = drops.token(viewer)
        clock.shift(300 - 0.05)
        async with drops.client(token=token) as client:
            clock.shift(1)
            assert await client.ended() == Close.EXPIRED

    run(wait)


def test_a_new_token_lets_it_go_on(run, clock, viewer, stranger, studio):
    async def wait(drops):
        token = drops.token(viewer)
        clock.shift(300 - 0.2)
        async with drops.client(token=token) as client:
            for of_another in (drops.token(stranger), drops.token(viewer, organization_id=studio.pk)):
                await client.send({"type": "token", "data": {"token": of_another}})
                await client.hear("error")
            await client.send({"type": "token", "data": {"token": drops.token(viewer)}})
            await client.heard_until_pong()
            (socket,) = drops.sockets.room.sockets()
            assert (socket.expires_at - clock()).total_seconds() > 290
            drops.sockets._end_when_expired(socket)
            await client.heard_until_pong()

    run(wait)

"""What happens to the processes while viewers claim."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import redis

from scripts.postgresql import Server
from tests.chaos.load import Load
from tests.chaos.programs import Program

# Seconds. A hang is longer than what a claim may lose by it.
HANG = 20.0
DOWN = 1.0
RECOVERY = 120.0  # a machine whose cores are all busy may take half a minute to start a web process


@dataclass(frozen=True)
class Recovery:
    """Viewers could claim again so many seconds after the trouble; RECOVERY: not by then."""

    trouble: str
    seconds: float


def cause(
    troubles: Mapping[str, Callable[[], None]], *, viewers: Load, seconds: int, seed: int
) -> list[Recovery]:
    """All of them in a random order, then again for `seconds`. Each meets a site where `viewers` can claim."""
    chance = random.Random(seed)
    recoveries: list[Recovery] = []
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        for trouble in chance.sample(sorted(troubles), len(troubles)):
            print(f"  {passed:5.1f} s  {trouble}", flush=True)
            troubles[trouble]()
            recoveries.append(Recovery(trouble, seconds_until_claimed(viewers)))
            time.sleep(chance.uniform(0.2, 1.5))
            passed = time.monotonic() - started
    return recoveries


def seconds_until_claimed(viewers: Load) -> float:
    """Wait until two claims have come through: the first may have been under way before the trouble ended."""
    began = time.monotonic()
    enough = len(viewers.told) + 2
    while len(viewers.told) < enough and time.monotonic() - began < RECOVERY:
        time.sleep(0.05)
    return min(time.monotonic() - began, RECOVERY)


def hang(valkey: Program, hung: list[tuple[float, float]]) -> None:
    """It stops in the middle of everything, and goes on. Notes from when to when in `hung`."""
    began = time.monotonic()
    valkey.hang()
    time.sleep(HANG)
    valkey.go_on()
    hung.append((began, time.monotonic()))


def flush(redis_url: str) -> None:
    # Where it was killed a moment ago it is empty or away: as good.
    with suppress(redis.RedisError), redis.Redis.from_url(redis_url, socket_timeout=1) as client:
        client.flushall()


def restart_postgresql(server: Server) -> None:
    """In order, as for an update: every connection is cut, and for a while nobody listens."""
    server.stop()
    time.sleep(DOWN)
    server.start()


def crash_postgresql(server: Server) -> None:
    """kill -9 of one of its own processes: it cuts every connection and starts over from its log."""
    query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
    with psycopg.connect(server.conninfo) as connection:
        (pid,) = connection.execute(query).fetchone()
    os.kill(pid, signal.SIGKILL)

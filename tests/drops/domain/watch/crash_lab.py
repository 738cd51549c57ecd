"""Kills crediting at one line after another, and tells what became of the viewers' time.

Run as a program, with DATABASE_URL and REDIS_URL of an empty database and stream. Everything that
touches either happens in a forked child, so that each death is a real one: SIGKILL, no clean-up.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

VIEWERS = 12
KILLS_AT_A_LINE = 24
KILLS_AT_A_TIME = 8
MINUTE = 60_000
# What runs while beats are credited.
WATCHED = str(Path(__file__).resolve().parents[4] / "drops" / "domain")
START = int(time.time() * 1000) - 20 * 60 * MINUTE


def in_child(work: Callable[[], Any], *, kill_after: float | None = None) -> Any:
    """What `work` returned, in a process of its own; None if that was killed."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        with os.fdopen(write, "w") as pipe:
            pipe.write(json.dumps(work()))
        os._exit(0)
    os.close(write)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return None
    assert status == 0, "crediting failed: its own words are above"
    return json.loads(told)


def make_world() -> list[int]:
    from tests.factories import CampaignFactory, CampaignRewardFactory, LivestreamFactory, UserFactory
    from tests.tables import make_tables

    make_tables()
    now = datetime.now(UTC)
    campaign = CampaignFactory(starts_at=now - timedelta(days=9), ends_at=now + timedelta(days=9))
    CampaignRewardFactory(campaign=campaign, required_minutes=3)
    stream = LivestreamFactory(category=campaign.category, started_at=now - timedelta(days=2))
    return [stream.channel.pk, *(UserFactory().pk for _ in range(VIEWERS))]


def network_of(viewer: int) -> int:
    return viewer % 3 + 1


def feed(channel: int, viewers: list[int], minute: int) -> None:
    """One beat of each viewer, as Redis took it in that minute."""
    from django.conf import settings

    from drops.domain.watch import stream
    from drops.domain.watch.beats import Beat

    redis = stream.client(settings.REDIS_URL)
    for viewer in viewers:
        redis.xadd(
            stream.key(stream.partition_of(viewer)),
            stream._pack(Beat(viewer, channel, 0, network=network_of(viewer))),
            id=f"{START + minute * MINUTE}-*",
        )


def credit() -> int:
    from drops.domain.watch import stream

    return stream.credit_all(now=lambda: datetime.now(UTC))


def credit_and_die(line: int) -> int:
    """Credit until the so-manieth line of our own code, and die there. 0: never; returns the lines run."""
    count = 0

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(WATCHED):
            return None
        if event == "line":
            count += 1
            if count == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    credit()
    sys.settrace(None)
    return count


def outcome() -> dict[str, Any]:
    from django.conf import settings

    from drops.domain.watch import stream
    from drops.models import Progress, RewardHour, WatchInterval
    from tests.drops.domain.watch import recompute

    redis = stream.client(settings.REDIS_URL)
    networks = recompute.network_days(network_of)
    return {
        "seconds": list(Progress.objects.values_list("seconds", flat=True)),
        "intervals": WatchInterval.objects.count(),
        "qualified": sum(RewardHour.objects.values_list("qualified", flat=True)),
        "figures_agree": recompute.watch_hours() == recompute.stored_watch_hours()
        and recompute.reward_hours() == recompute.stored_reward_hours()
        and networks == recompute.stored_network_days()
        and recompute.channel_days(networks) == recompute.stored_channel_days(),
        "left": sum(redis.xlen(stream.key(number)) for number in range(settings.WATCH_PARTITIONS)),
    }


def main(seed: int) -> None:
    chance = random.Random(seed)
    channel, *viewers = in_child(make_world)
    minute = 0

    def next_minute() -> None:
        nonlocal minute
        in_child(lambda: feed(channel, viewers, minute))
        minute += 1

    next_minute()
    in_child(credit)
    next_minute()
    lines = in_child(lambda: credit_and_die(0))
    killed = 0
    for line in sorted(chance.sample(range(1, lines), KILLS_AT_A_LINE)):
        next_minute()
        killed += in_child(lambda line=line: credit_and_die(line)) is None
        if chance.random() < 0.5:  # else the next one finds the rest of this one too
            in_child(credit)
    for _ in range(KILLS_AT_A_TIME):
        next_minute()
        killed += in_child(credit, kill_after=chance.random() * 0.2) is None
    next_minute()
    in_child(credit)
    told = {**in_child(outcome), "killed": killed, "expected": (minute - 1) * 60}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))

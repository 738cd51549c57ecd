"""The last line of the Procfile: says when everything answers, where it is, and how to sign in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import redis
import requests

from config import ticks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

PATIENCE = 60.0  # seconds between two lines that say what is waited for


def main() -> None:
    site, studio = os.environ["SITE_URL"], os.environ["STUDIO_URL"]
    own_address = f"http://127.0.0.1:{os.environ['PORT']}"
    started = time.monotonic()

    def was_reached(queue: str) -> bool:
        """By the clock, since this start: what the last run noted is still there."""
        try:
            age = ticks.ages()[queue]
        except redis.RedisError:
            return False
        return age is not None and age < time.monotonic() - started

    wait_for(
        {
            "worker": lambda: was_reached("celery"),
            "deliveries": lambda: was_reached("deliveries"),
            "studio": lambda: answers(studio),
            "sockets": lambda: answers(f"http://127.0.0.1:{os.environ['SOCKET_PORT']}/readyz"),
        }
    )
    wait_for({"web": lambda: answers(f"{own_address}/readyz")})
    print(f"\nDrops is at {site}\nThe example studio's game is at {studio}\n")
    print(Path(os.environ["STATE_DIR"], "demo.txt").read_text())
    print("Emails are printed here. Ctrl-C ends everything and keeps the data.\n", flush=True)
    signal.pause()


def wait_for(parts: dict[str, Callable[[], bool]]) -> None:
    """Wait until everything answers, however slow the machine is. A process that ends stops the launcher anyway."""
    told = time.monotonic()
    while parts:
        parts = {name: works for name, works in parts.items() if not works()}
        if parts and time.monotonic() - told > PATIENCE:
            print(f"Still waiting for: {', '.join(parts)}.", flush=True)
            told = time.monotonic()
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main()

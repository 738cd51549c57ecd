"""The last line of the Procfile: says when everything answers, where it is, and how to sign in."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests
from celery import Celery

PATIENCE = 60  # seconds


def main() -> None:
    site, studio = os.environ["SITE_URL"], os.environ["STUDIO_URL"]
    worker = Celery(broker=os.environ["REDIS_URL"])
    own_address = f"http://127.0.0.1:{os.environ['PORT']}"
    wait_for(
        {
            "web": lambda: answers(f"{own_address}/readyz"),
            "worker": lambda: bool(worker.control.ping(timeout=1)),
            "studio": lambda: answers(studio),
        }
    )
    print(f"\nDrops is at {site}\nThe example studio's game is at {studio}\n")
    print(Path(os.environ["STATE_DIR"], "demo.txt").read_text())
    print("Emails are printed here. Ctrl-C ends everything and keeps the data.\n", flush=True)
    signal.pause()


def wait_for(parts: dict[str, Callable[[], bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while parts:
        parts = {name: works for name, works in parts.items() if not works()}
        if time.monotonic() > deadline:
            sys.exit(f"Not answering after {PATIENCE} s: {', '.join(parts)}.")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


if __name__ == "__main__":
    main()

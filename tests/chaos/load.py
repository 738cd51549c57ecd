"""Viewers who claim over HTTP, and try again until they are told that they have it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

import requests


@dataclass(frozen=True)
class Wish:
    """One viewer wants one reward."""

    viewer_id: int
    token: str
    campaign_id: str
    reward_id: str


@dataclass
class Told:
    """What the server told a viewer, and how the asking went."""

    wish: Wish
    claim_id: str
    began: float  # time.monotonic()
    seconds: float  # of the request that was answered


@dataclass
class Load:
    """`threads` that take one wish after the other, every tenth of them two at a time."""

    site: str
    wishes: list[Wish]
    seed: int
    threads: int = 6
    pause: float = 0.0
    told: list[Told] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Load:
        chance = random.Random(self.seed)
        wishes = [copy for wish in self.wishes for copy in [wish] * (2 if chance.random() < 0.1 else 1)]
        self._next = itertools.chain(wishes)
        self._lock = threading.Lock()
        self._running = [threading.Thread(target=self._run) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """After an error nobody is waited for: what they ask is gone."""
        self.stopping.set()
        self.gone.set()

    def stop(self) -> None:
        """Let everybody finish what they began."""
        self.stopping.set()
        for thread in self._running:
            thread.join()

    def _run(self) -> None:
        while not self.stopping.is_set():
            with self._lock:
                wish = next(self._next, None)
            if wish is None:
                return
            self._claim(wish)
            time.sleep(self.pause)

    def _claim(self, wish: Wish) -> None:
        while not self.gone.is_set():
            began = time.monotonic()
            try:
                answer = requests.post(
                    f"{self.site}/api/v1/drops/claim",
                    json={"campaign_id": wish.campaign_id, "reward_id": wish.reward_id},
                    headers={"Authorization": f"Bearer {wish.token}"},
                    timeout=20,
                )
            except requests.RequestException:
                time.sleep(0.1)  # the web server was killed
                continue
            if answer.status_code == 200:
                claim_id = answer.json()["data"]["id"]
                self.told.append(Told(wish, claim_id, began, time.monotonic() - began))
                return
            self.refused.append(f"{answer.status_code} {answer.text[:200]}")
            time.sleep(0.2)

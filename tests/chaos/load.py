"""Viewers who claim over HTTP, and try again until they are told that they have it."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import requests

# A web server that was killed cuts its connections; one that says nothing for so long is at fault.
PATIENCE = 20


@dataclass(frozen=True)
class Wish:
    """One viewer wants one reward."""

    viewer_id: int
    token: str
    campaign_id: str
    reward_id: str


@dataclass(frozen=True)
class Answer:
    """What the site told a viewer, and how long that took. `claim_id` is of a yes alone."""

    wish: Wish
    began: float  # time.monotonic()
    seconds: float
    text: str
    claim_id: str = ""
    says_try_again: bool = False

    @property
    def says_yes(self) -> bool:
        return bool(self.claim_id)


@dataclass
class Load:
    """`threads` that take one wish after the other, and one in ten of them two at a time."""

    site: str
    wishes: list[Wish]
    seed: int
    threads: int
    pause: float
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        chance.shuffle(self.wishes)
        self._coming = [wish for wish in self.wishes for _ in range(2 if chance.random() < 0.1 else 1)]
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._running = [threading.Thread(target=self._run) for _ in range(self.threads)]

    def __enter__(self) -> Load:
        for thread in self._running:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """After an error nobody goes on trying: what they ask is gone."""
        self._stopping.set()
        self._abandoned.set()

    @property
    def told(self) -> list[Answer]:
        """The answers that say: it is yours."""
        return [answer for answer in self.answers if answer.says_yes]

    @property
    def wishes_left(self) -> int:
        return len(self._coming)

    def stop(self) -> None:
        """Let everybody finish what they began."""
        self._stopping.set()
        for thread in self._running:
            thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            while self._coming and not self._stopping.is_set():
                self._claim(session, self._coming.pop())
                time.sleep(self.pause)

    def _claim(self, session: requests.Session, wish: Wish) -> None:
        while not self._abandoned.is_set():
            answer = self._ask(session, wish)
            if answer is not None:
                self.answers.append(answer)
                if answer.says_yes:
                    return
            time.sleep(0.2)  # less than Retry-After asks for: the site is to have no rest

    def _ask(self, session: requests.Session, wish: Wish) -> Answer | None:
        """None where there was no answer, because the web server was killed or is not up yet."""
        began = time.monotonic()
        try:
            response = session.post(
                f"{self.site}/api/v1/drops/claim",
                json={"campaign_id": wish.campaign_id, "reward_id": wish.reward_id},
                headers={"Authorization": f"Bearer {wish.token}"},
                timeout=PATIENCE,
            )
        except requests.Timeout:
            return Answer(wish, began, PATIENCE, f"nothing for {PATIENCE} s")
        except requests.RequestException:
            return None
        yes, busy = response.status_code == 200, response.status_code == 503
        return Answer(
            wish,
            began,
            time.monotonic() - began,
            f"{response.status_code} {response.text[:200]}",
            claim_id=response.json()["data"]["id"] if yes else "",
            says_try_again=busy and response.headers.get("Retry-After", "").isdecimal(),
        )

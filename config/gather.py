"""Items that many threads hand in, sent on together by one.

A round trip to Redis costs a web thread more than the rest of accepting a beat, because the thread has
to stop and others have to start. Handing an item in here costs next to nothing.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)


Item = TypeVar("Item")


# How long items gather, in seconds, unless somebody wants it otherwise.
MOMENT = 0.005


class Gatherer(Generic[Item]):
    """Calls `send` with what came in within a moment, in its order."""

    def __init__(self, send: Callable[[Sequence[Item]], None], *, moment: float = MOMENT) -> None:
        self._send = send
        self._moment = moment
        self._lock = Lock()
        self._items: list[Item] = []
        self._has_items = Event()
        self._thread: Thread | None = None

    def add(self, item: Item) -> int:
        """Returns how many items wait now."""
        with self._lock:
            self._items.append(item)
            if self._thread is None:
                self._start()
            waiting = len(self._items)
        if waiting == 1:
            self._has_items.set()
        return waiting

    def flush(self) -> None:
        """Send what waits, now."""
        with self._lock:
            items, self._items = self._items, []
            self._has_items.clear()
        if items:
            self._send(items)

    def _start(self) -> None:
        # Not before the first item: a server may fork its workers after the modules are loaded.
        self._thread = Thread(target=self._run, name="gather", daemon=True)
        self._thread.start()
        atexit.register(self.flush)

    def _run(self) -> None:
        while True:
            self._has_items.wait()
            time.sleep(self._moment)
            try:
                self.flush()
            except Exception:
                # Without this thread every later item would wait for ever.
                log.exception("gathered_items_lost")

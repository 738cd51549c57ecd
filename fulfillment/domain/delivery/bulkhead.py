"""How many threads of a web process may wait for partners' servers: the others stay free for pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.conf import settings

from config.memory import Memory

_lock = Lock()


class _Memory(Memory):
    def begin(self) -> None:
        self.waiting: Counter[str] = Counter()


_memory = _Memory()


@contextmanager
def slot(organization_id: str) -> Iterator[bool]:
    """Yield whether this thread may wait for the organization's server. It never blocks.

    At most half of the threads wait for partners, and at most three quarters of those for one of
    them, so that one slow studio does not push the first attempts of all others to the workers.
    """
    room = max(1, settings.WEB_THREADS // 2)
    share = max(1, room * 3 // 4)
    with _lock:
        admitted = _memory.waiting.total() < room and _memory.waiting[organization_id] < share
        if admitted:
            _memory.waiting[organization_id] += 1
    try:
        yield admitted
    finally:
        if admitted:
            with _lock:
                _memory.waiting[organization_id] -= 1
                if not _memory.waiting[organization_id]:
                    del _memory.waiting[organization_id]

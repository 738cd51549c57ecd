"""What a process remembers from one call to the next. Each test ends with `forget()`: the next one knows none of it."""

from __future__ import annotations

from collections.abc import Callable

_resets: list[Callable[[], object]] = []


class Memory:
    """State of a module. A subclass sets all of it in `begin`."""

    def __init__(self) -> None:
        self.begin()
        on_forget(self.begin)

    def begin(self) -> None:
        raise NotImplementedError


def on_forget(reset: Callable[[], object]) -> None:
    """Have `reset` called by `forget()`: for caches, which have a way of their own to be emptied."""
    _resets.append(reset)


def forget() -> None:
    for reset in _resets:
        reset()

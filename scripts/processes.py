"""The processes of `make run`: each ends with all that it started, all end together. Those that answer browsers
are started anew when they answer no more, the clock and the sockets when they end.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Thread
from typing import Any

from honcho.manager import Manager
from honcho.process import Popen, Process

# /healthz is asked every so many seconds, and has as many to answer as a very busy machine may need.
ASKED_EVERY = 5
PATIENCE = 10
# Until its first answer it is asked more often, and has as long as a start may take on a very busy machine.
ASKED_AT_FIRST = 0.2
STARTS_WITHIN = 120
# So many of the last asks without an answer mean that it hangs. One of several web processes that hangs takes
# some of the asks, so they need not come one after the other.
UNANSWERED, OF_THE_LAST = 3, 4
# Who answers `/healthz`, and the setting that has its port.
ANSWERING = {"web": "PORT", "sockets": "SOCKET_PORT"}
# What is started anew when it ends badly: neither keeps anything that is lost with it.
FORGETFUL = ("clock", "sockets")
# Beyond it something is wrong that a new start does not mend: everything ends, and says so.
MOST_RESTARTS = 5


class Leader(Popen):
    """A process that takes along all that it started, also when it was killed or this launcher was.

    Without that, granian's and Celery's own processes would live on and keep the port.
    """

    # The launcher's process, which is the parent of the process that this one is started by.
    launcher = 0

    def __init__(self, command: str, **options: Any) -> None:
        super().__init__(command, **options)
        self.hangs = False
        Thread(target=self.end_group, daemon=True).start()

    def end_group(self) -> None:
        while self.poll() is None and os.getppid() == self.launcher:
            time.sleep(0.2)
        self.kill_group()

    def end_when_it_hangs(self, port: int) -> None:
        """Ask `/healthz`, and kill the group once it answers no more, or has not begun to."""
        started = time.monotonic()
        has_answered = False
        answers: deque[bool] = deque(maxlen=OF_THE_LAST)
        while self.poll() is None:
            answered = answers_well(port)
            has_answered |= answered
            still_starts = not has_answered and time.monotonic() - started < STARTS_WITHIN
            answers.append(answered or still_starts)
            if answers.count(False) >= UNANSWERED:
                self.hangs = True
                self.kill_group()
                return
            time.sleep(ASKED_EVERY if has_answered else ASKED_AT_FIRST)

    def kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def answers_well(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class GroupProcess(Process):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = Leader
        self._restarts = 0

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        Leader.launcher = os.getppid()
        super().run(events, ignore_signals)
        while self._is_to_run_again():
            self._restarts += 1
            super().run(events, ignore_signals)

    def _is_to_run_again(self) -> bool:
        # What killed it is no reason to end all others.
        ended_badly = self.name in FORGETFUL and self._child.returncode not in (None, 0)
        is_orphan = os.getppid() != Leader.launcher
        return bool(self._child.hangs or ended_badly) and not is_orphan and self._restarts < MOST_RESTARTS

    def _send_message(self, data: Any, type: str = "line") -> None:  # noqa: A002 - honcho's word
        if type == "start" and self.name in ANSWERING:
            port = int(self.env[ANSWERING[self.name]])
            Thread(target=self._child.end_when_it_hangs, args=(port,), daemon=True).start()
        if type == "stop" and self._is_to_run_again():
            why = b"answered no more" if self._child.hangs else b"ended"
            type, data = "line", b"It %s. It is started anew.\n" % why  # noqa: A001
        super()._send_message(data, type)


class Processes(Manager):
    """Runs them together: when one ends by itself, or a signal comes, all end."""

    def __init__(self) -> None:
        super().__init__()
        self._process_ctor = GroupProcess
        self.ended_by_itself: list[str] = []

    def terminate(self) -> None:
        if not self._terminating:
            self.ended_by_itself = [
                name for name, process in self._processes.items() if "returncode" in process
            ]
        super().terminate()

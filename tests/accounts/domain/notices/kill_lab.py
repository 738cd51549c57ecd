"""Kills a sender of notices at one line after another, and tells how often its one mail arrived.

Run as a program, with DATABASE_URL of a database in which one notice is. Everything that touches the database happens
in a forked child, so that each death is a real one: SIGKILL, no clean-up.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - there are no models before
from django.core.mail.utils import DNS_NAME  # noqa: E402
from django.template.loader import get_template  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts.domain.notices import queue, sending  # noqa: E402
from accounts.models import Notice  # noqa: E402
from tests.factories import NOW  # noqa: E402
from tests.mail_server import running_mail_server  # noqa: E402

WATCHED = str(Path(sending.__file__).parent)


def send_and_die(at: int) -> None:
    """At the line with that number, of those that run."""
    Notice.objects.update(end="", ended_at=None, tries=0, next_try_at=NOW)
    lines = count(1)

    def trace_lines(_frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and next(lines) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace_lines

    def trace(frame: FrameType, _event: str, _: Any) -> Any:
        return trace_lines if frame.f_code.co_filename.startswith(WATCHED) else None

    sys.settrace(trace)
    sending.send_due(clock=lambda: NOW)
    sys.settrace(None)


def send_again() -> None:
    """When the lease is over, and once more."""
    for moment in (NOW + queue.LEASE, NOW + queue.LEASE * 2):
        sending.send_due(clock=partial(datetime.fromtimestamp, moment.timestamp(), UTC))


def in_child(work: Any, *given: Any) -> bool:
    """Whether it was killed."""
    pid = os.fork()
    if pid == 0:
        work(*given)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or status == 0, "sending failed: its own words are above"
    return os.WIFSIGNALED(status)


def main() -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    arrived: list[tuple[int, int]] = []
    with running_mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        # Done once, and not in each child.
        str(DNS_NAME)
        reverse("dashboard:settings")
        get_template("accounts/mail/end_of_notice.txt")
        for line in count(1):
            server.taken.clear()
            killed = in_child(send_and_die, line)
            before = len(server.taken)
            in_child(send_again)
            arrived.append((before, len(server.taken)))
            if not killed:
                break
    sys.stdout.write(json.dumps(arrived))


if __name__ == "__main__":
    main()

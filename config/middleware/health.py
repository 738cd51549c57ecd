"""Is this process up, and can it do its work: for load balancers, orchestrators and `make run`.

Answered before anything else looks at the request: a balancer asks by address, without TLS, every second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import redis
import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from config import refusals, ticks
from config.memory import Memory

log = structlog.get_logger(__name__)

SECONDS = 2
# Of their own, since a server that hangs would keep them: the next questions then wait here, not in the web threads.
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")

# Seconds since something should have happened, by name; None: nobody knows of it. Longer than LONGEST is "late".
Ages = Callable[[], Mapping[str, float | None]]
LONGEST = {"celery": 60, "deliveries": 60, "oldest beat": 120, "ahead": 60}
ages_of: list[Ages] = [ticks.ages]


def health(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """`/healthz`: the process answers. `/readyz`: so do its database and Redis, and tasks are carried out in time,
    or 503 says what is not so."""

    def middleware(request: HttpRequest) -> HttpResponse:
        match request.path:
            case "/healthz":
                return JsonResponse({"status": "ok"})
            case "/readyz":
                return readiness()
        return get_response(request)

    return middleware


def readiness() -> HttpResponse:
    checks: dict[str, Future[Any]] = {"database": _threads.submit(_ask_database)}
    if settings.REDIS_URL:
        checks["redis"] = _threads.submit(_ask_redis)
        checks["tasks"] = _threads.submit(_ask_ages)
    wait(checks.values(), timeout=SECONDS)
    answers: dict[str, Any] = {
        name: check.result() or "ok" if check.done() and not check.exception() else "unreachable"
        for name, check in checks.items()
    }
    ages: Mapping[str, float | None] = {}
    if answers.get("tasks", "unreachable") != "unreachable":
        ages = answers["tasks"]
        late = any(age is None or age > LONGEST[name] for name, age in ages.items())
        answers |= {"tasks": "late" if late else "ok"}
    for check in checks.values():
        check.cancel()
    status = 200 if set(answers.values()) == {"ok"} else 503
    _log_changes(answers)
    return JsonResponse(answers | ({"seconds": ages} if ages else {}), status=status)


class _Memory(Memory):
    def begin(self) -> None:
        self.answers: dict[str, Any] = {}


_memory = _Memory()


def _log_changes(answers: dict[str, Any]) -> None:
    """A line when something is wrong, and one when all is well again: not one for each question."""
    before, _memory.answers = _memory.answers, answers
    if answers != before and set(answers.values()) != {"ok"}:
        log.error("not_ready", **answers)
    elif before and answers != before:
        log.warning("ready_again", **answers)


def note_failed_request(**_: object) -> None:
    refusals.note(sys.exc_info()[1])


got_request_exception.connect(note_failed_request)


def _ask_database() -> str:
    """What is wrong with it: "read-only", or "full" where a write was refused lately; "" if nothing is."""
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT current_setting('transaction_read_only')")
                if cursor.fetchone() == ("on",):
                    return refusals.READ_ONLY
            else:
                cursor.execute("SELECT 1")
    finally:
        connection.close()
    return refusals.remembered()


def _ask_redis() -> str:
    """What is wrong with it: "read-only" (a replica), "full", its "file" cannot be written, or it "evicts"."""
    with redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
        told: dict[str, Any] = client.info()
    most = told.get("maxmemory", 0)
    if told.get("role") == "slave":
        return "read-only"
    if told.get("aof_last_write_status", "ok") != "ok":
        return "file"
    if most and told.get("maxmemory_policy", "noeviction") != "noeviction":
        return "evicts"
    return "full" if most and told.get("used_memory", 0) >= most else ""


def _ask_ages() -> dict[str, float | None]:
    try:
        return {name: age for ages in ages_of for name, age in ages().items()}
    finally:
        connection.close()

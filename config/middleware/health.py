"""Is this process up, and can it do its work: for load balancers, orchestrators and `make run`.

Answered before anything else looks at the request: a balancer asks by address, without TLS, every second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from config import ticks

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
        name: "ok" if check.done() and not check.exception() else "unreachable"
        for name, check in checks.items()
    }
    if answers.get("tasks") == "ok":
        ages = checks["tasks"].result()
        late = any(age is None or age > LONGEST[name] for name, age in ages.items())
        answers |= {"tasks": "late" if late else "ok"}
    else:
        ages = {}
    for check in checks.values():
        check.cancel()
    status = 200 if set(answers.values()) == {"ok"} else 503
    return JsonResponse(answers | ({"seconds": ages} if ages else {}), status=status)


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_redis() -> None:
    with redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
        client.ping()


def _ask_ages() -> dict[str, float | None]:
    try:
        return {name: age for ages in ages_of for name, age in ages().items()}
    finally:
        connection.close()

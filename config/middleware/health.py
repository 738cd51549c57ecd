"""Is this process up, and can it do its work: for load balancers, orchestrators and `make run`.

Answered before anything else looks at the request: a balancer asks by address, without TLS, every second.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

SECONDS = 2
# Of their own, since a server that hangs would keep them: the next questions then wait here, not in the web threads.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="health")


def health(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """`/healthz`: the process answers. `/readyz`: so do its database and Redis, or 503 says which does not."""

    def middleware(request: HttpRequest) -> HttpResponse:
        match request.path:
            case "/healthz":
                return JsonResponse({"status": "ok"})
            case "/readyz":
                return readiness()
        return get_response(request)

    return middleware


def readiness() -> HttpResponse:
    checks = {"database": _threads.submit(_ask_database)}
    if settings.REDIS_URL:
        checks["redis"] = _threads.submit(_ask_redis)
    wait(checks.values(), timeout=SECONDS)
    answers = {
        name: "ok" if check.done() and not check.exception() else "unreachable"
        for name, check in checks.items()
    }
    for check in checks.values():
        check.cancel()
    return JsonResponse(answers, status=200 if set(answers.values()) == {"ok"} else 503)


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _ask_redis() -> None:
    with redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as client:
        client.ping()

"""Logging: one line of JSON per event in production, readable lines in development."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog


def route_of(request: Any) -> str:
    """What is logged of an address: the route that it matched, since what stands in its place may be a key.

    An address without a route may be that of a page with a key, mistyped: of it only the first part is told.
    """
    if match := request.resolver_match:
        return f"/{match.route}"
    first, _, more = request.path.removeprefix("/").partition("/")
    return f"/{first}/..." if more else f"/{first}"


def refusals_in_one_line(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Django's own lines about requests: with the route in place of the path, and a traceback only for what is
    our fault. Anybody can have a request refused, a thousand times a second.
    """
    record = event.get("_record")
    status, request = getattr(record, "status_code", None), getattr(record, "request", None)
    if status is None or request is None or not hasattr(request, "resolver_match"):
        return event
    path = request.path.encode("unicode_escape").decode("ascii")
    if path != "/":
        event["event"] = event["event"].replace(path, route_of(request))
    if status < 500:
        event.pop("exc_info", None)
    return event


def one_line_a_request(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """django-structlog says when a request begins, too; how it ended says all of that."""
    if event.get("event") == "request_started":
        raise structlog.DropEvent
    return event


# What a task learns of whoever asked for it. An address is nothing that a queue should hold.
HANDED_ON = ("request_id", "user_id", "organization_id", "parent_task_id")


def tell_of(**ids: object) -> None:
    """Have every further line of this request or task name these: `user_id`, `organization_id`."""
    structlog.contextvars.bind_contextvars(
        **{name: value for name, value in ids.items() if value is not None}
    )


def hand_on(context: dict[str, Any], **_: object) -> None:
    """Before a task is published: leave only what its lines are to name."""
    for name in context.keys() - HANDED_ON:
        del context[name]


def logging_config(*, debug: bool, level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING. Nothing below `level` is written."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        refusals_in_one_line,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            one_line_a_request,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = structlog.dev.ConsoleRenderer(colors=False) if debug else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": renderer,
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Its lines about every task; ours (django-structlog) name who asked for it, too.
            "celery": {"level": "WARNING"},
            "oauthlib": {"level": "WARNING"},
            "urllib3": {"level": "ERROR"},  # its warnings quote what servers of others say
        },
    }

"""Logging: one line of JSON per event in production, readable lines in development."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog


def without_query(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Addresses are logged without their query: it may hold a token or a code."""
    if isinstance(event.get("request"), str):
        event["request"] = event["request"].partition("?")[0]
    return event


def one_line_a_request(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """django-structlog says when a request begins, too; how it ended says all of that."""
    if event.get("event") == "request_started":
        raise structlog.DropEvent
    return event


def logging_config(*, debug: bool, level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING. Nothing below `level` is written."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        without_query,
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
            "oauthlib": {"level": "WARNING"},
        },
    }

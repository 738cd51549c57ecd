"""When the database answers but takes no writes: its disk is full, or it is read-only. `/readyz` and the log say so.

A read tells nothing of a full disk, so a refused write is remembered for a while: in the cache, for all processes.
"""

from __future__ import annotations

import structlog
from django.core.cache import cache
from django.db import DatabaseError

log = structlog.get_logger(__name__)

FULL, READ_ONLY = "full", "read-only"
# SQLSTATE, and what SQLite says.
CODES = {"53100": FULL, "25006": READ_ONLY}
WORDS = {"database or disk is full": FULL, "attempt to write a readonly database": READ_ONLY}
# Seconds for which a refused write counts: something is written every few seconds.
REMEMBERED = 60
KEY = "database_refuses_writes"


def why_no_writes(error: BaseException | None) -> str:
    """FULL or READ_ONLY where that is what the database said, else ""."""
    if not isinstance(error, DatabaseError):
        return ""
    return CODES.get(getattr(error.__cause__, "sqlstate", None) or "") or next(
        (why for words, why in WORDS.items() if words in str(error)), ""
    )


def note(error: BaseException | None) -> None:
    """Remember that the database refused a write, if that is what the error says."""
    if why := why_no_writes(error):
        log.error("database_refuses_writes", why=why, error=str(error).strip())
        cache.set(KEY, why, REMEMBERED)


def remembered() -> str:
    return str(cache.get(KEY) or "")

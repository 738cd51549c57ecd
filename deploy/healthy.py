"""Whether the process in this container is up: a web process by /healthz, any other by its port for figures.

`python -m deploy.healthy` ends with 0 if it is. No database is asked: one that is away is no reason to restart.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 8


def answers(port: str, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """0 or 1. One figure is asked for, which needs neither the database nor Redis."""
    web = answers(os.environ.get("PORT", "8000"), "/healthz")
    figures = "/metrics?name[]=process_start_time_seconds"
    return int(not (web or answers(os.environ.get("METRICS_PORT", "9101"), figures)))


if __name__ == "__main__":
    sys.exit(main())

"""Brings database, static files and demo data up to date before the processes start."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from io import StringIO
from pathlib import Path

import django
import redis
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import OperationalError


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends this too, without a word
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        call_command("check", stdout=StringIO())
        redis.from_url(settings.REDIS_URL, socket_connect_timeout=5).ping()
        call_command("migrate", verbosity=0)
        collect_static_files()
        # What it prints is in a file too, and shown when everything runs.
        call_command("demo", studio_url=os.environ["STUDIO_URL"], stdout=StringIO())
    except (CommandError, OperationalError, redis.RedisError) as error:
        sys.exit(str(error))


def collect_static_files() -> None:
    """Compressing them takes seconds, so only when one has changed."""
    stamp = Path(settings.STATIC_ROOT, ".collected")
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(None):
            digest.update(f"{storage.path(path)} {storage.get_modified_time(path)}\n".encode())
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest.hexdigest())


if __name__ == "__main__":
    main()

"""Django's development server, which says what does not run beside it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as DjangosCommand


class Command(DjangosCommand):
    def inner_run(self, *args: Any, **options: Any) -> None:
        if not settings.REDIS_URL:
            self.stdout.write(
                "There is no REDIS_URL: webhooks are retried only while `manage.py deliver` runs beside this."
            )
        super().inner_run(*args, **options)

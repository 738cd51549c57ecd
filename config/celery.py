"""The Celery application."""

import gc
import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("drops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_ready.connect
def keep_what_was_loaded(**_: object) -> None:
    """Modules live as long as the worker: crediting makes much garbage, and should not look through them for it."""
    gc.collect()
    gc.freeze()

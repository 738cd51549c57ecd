"""The Celery application."""

import gc
import os
import warnings

from celery import Celery, signals
from celery.exceptions import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Celery warns of running as root. Messages are JSON, so nothing in them is run; containers often have no other user.
warnings.simplefilter("ignore", SecurityWarning)

app = Celery("drops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_ready.connect
def keep_what_was_loaded(**_: object) -> None:
    """Modules live as long as the worker: crediting makes much garbage, and should not look through them for it."""
    gc.collect()
    gc.freeze()

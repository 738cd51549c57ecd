"""The Celery application."""

import gc
import os
import warnings
from typing import Any

from celery import Celery, signals
from celery.app.amqp import AMQP
from celery.exceptions import SecurityWarning
from django_structlog.celery.signals import modify_context_before_task_publish
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu import Connection

from config.logs import hand_on

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Celery warns of running as root. Messages are JSON, so nothing in them is run; containers often have no other user.
warnings.simplefilter("ignore", SecurityWarning)

RECONNECT_EVERY = 1  # second


class QuickConnection(Connection):
    """Tries again every second. Celery waits up to half a minute between two tries, so nothing would be done for
    that long after the broker is back, and it has no setting for that."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        intervals = {"interval_start": RECONNECT_EVERY, "interval_step": 0, "interval_max": RECONNECT_EVERY}
        return super().ensure_connection(*args, **(options | intervals))


class QuickAMQP(AMQP):
    Connection = QuickConnection


app = Celery("drops", amqp=QuickAMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)
modify_context_before_task_publish.connect(hand_on)


@signals.setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Celery would set the level of all loggers to its own. LOG_LEVEL decides, in workers as elsewhere."""


@signals.worker_ready.connect
def keep_what_was_loaded(**_: object) -> None:
    """Modules live as long as the worker: crediting makes much garbage, and should not look through them for it."""
    gc.collect()
    gc.freeze()


@signals.celeryd_after_setup.connect
def tell_figures_of_the_worker(instance: Any = None, **_: object) -> None:
    _serve(",".join(sorted(instance.app.amqp.queues.consume_from)))


@signals.beat_init.connect
def tell_figures_of_the_clock(**_: object) -> None:
    _serve("clock")


def _serve(process: str) -> None:
    from config import metrics

    metrics.serve(process)


@signals.task_failure.connect
def count_failure(sender: Any = None, exception: Any = None, **_: object) -> None:
    from config import metrics, refusals

    metrics.FAILED_TASKS.labels(sender.name).inc()
    refusals.note(exception)

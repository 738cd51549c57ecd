"""What Celery does for claims: its worker processes host the delivery loop, and its beat sends notices."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down
from django.conf import settings
from django.utils import timezone

from fulfillment.domain import notices
from fulfillment.domain.dispatcher import Dispatcher

_dispatcher = Dispatcher(threads=settings.DELIVERY_THREADS, clock=timezone.now)


@worker_init.connect  # before it connects to the broker, which deliveries do not need
def start_delivering(**_: object) -> None:
    _dispatcher.start()


@worker_shutting_down.connect
def stop_delivering(**_: object) -> None:
    _dispatcher.stop()


@shared_task
def tell_owners() -> None:
    """Mail owners about endpoints that fail, are held, or work again."""
    now = timezone.now()
    notices.write_notices(now=now)
    notices.send_notices(now=now)

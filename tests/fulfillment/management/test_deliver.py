"""`manage.py deliver`, and what `runserver` says of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import call_command

from fulfillment.models import Attempt, Delivery, DeliveryState
from scripts.ports import free_port
from tests.fulfillment.delivering import make_delivery

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def _signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_signals")
def test_what_is_due_is_delivered_until_the_command_is_told_to_stop(endpoint, receiver, now):
    for _ in range(10):
        make_delivery(endpoint, now)

    def stop_in_the_end():
        deadline = time.monotonic() + 60
        while (
            Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists() and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    watching = threading.Thread(target=stop_in_the_end)
    watching.start()
    call_command("deliver")
    watching.join()

    assert not Delivery.objects.exclude(state=DeliveryState.DELIVERED).exists()
    assert len(receiver.received) == Attempt.objects.count() == 10


@pytest.mark.processes
@pytest.mark.parametrize("redis_url", ["", "redis://127.0.0.1:1/0"])
def test_runserver_says_who_delivers_where_there_is_no_redis(tmp_path, settings, redis_url):
    environment = {
        "PATH": os.environ["PATH"],
        "STATE_DIR": str(tmp_path),
        "DEBUG": "true",
        "ENCRYPTION_KEYS": settings.ENCRYPTION_KEYS[0],
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{free_port()}"]
    (tmp_path / "static").mkdir()
    output = tmp_path / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment | {"REDIS_URL": redis_url},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 120
        while "Quit the server" not in output.read_text() and "CONTROL-C" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()

    assert ("`manage.py deliver`" in output.read_text()) == (not redis_url)

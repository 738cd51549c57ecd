"""What load balancers ask: `/healthz` and `/readyz`."""

from __future__ import annotations

import socket

import pytest
from django.test import Client
from pytest_django import Settings


def test_the_process_is_up_whatever_else_is(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_when_database_and_redis_answer(client: Client, settings: Settings, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_without_redis_the_database_is_enough(client: Client) -> None:
    assert client.get("/readyz").json() == {"database": "ok"}


@pytest.mark.django_db
def test_not_ready_while_redis_refuses(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"database": "ok", "redis": "unreachable"}


@pytest.mark.django_db
def test_a_redis_that_hangs_is_given_up(client: Client, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {"database": "ok", "redis": "unreachable"}


@pytest.mark.django_db
def test_asked_by_address_and_without_tls(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert client.get("/readyz", headers={"host": "10.0.0.7:8000"}).status_code == 200

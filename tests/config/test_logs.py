"""The log: what its lines name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from django.test import Client

from accounts.models import OAuthApp, User
from config.celery import app
from tests.api import bearer
from tests.dashboard import sign_in


@pytest.fixture(autouse=True)
def _published() -> Iterator[None]:
    """Tasks are published, to a queue in memory, and not carried out at once."""
    structlog.contextvars.clear_contextvars()
    app.conf.task_always_eager = False
    yield
    app.conf.task_always_eager = True


def test_a_task_is_told_who_asked_for_it_and_no_address() -> None:
    """What the worker binds to all lines of the task."""
    with (
        structlog.contextvars.bound_contextvars(
            request_id="r", user_id=7, organization_id="O", ip="192.0.2.1"
        ),
        app.connection_for_write() as connection,
    ):
        app.send_task("fulfillment.tasks.deliver", connection=connection, queue="told", ignore_result=True)
        message = connection.SimpleQueue("told").get(timeout=5)

    assert message.headers["__django_structlog__"] == {
        "request_id": "r",
        "user_id": 7,
        "organization_id": "O",
    }


def test_a_task_of_a_task_names_both() -> None:
    with structlog.contextvars.bound_contextvars(task_id="first"), app.connection_for_write() as connection:
        app.send_task("fulfillment.tasks.deliver", connection=connection, queue="told", ignore_result=True)
        message = connection.SimpleQueue("told").get(timeout=5)

    assert message.headers["__django_structlog__"] == {"parent_task_id": "first"}


def test_a_call_of_an_app_names_person_and_organization(
    log: StringIO, studio_app: OAuthApp, viewer: User
) -> None:
    bearer(studio_app, user=viewer, scope="user:read").get("/public/v1/users")

    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["user_id"], line["organization_id"]) == (viewer.pk, studio_app.organization_id)


def test_a_page_of_the_dashboard_names_person_and_organization(log: StringIO, owner: User) -> None:
    sign_in(Client(), owner).get("/dashboard/campaigns/")

    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["user_id"], line["organization_id"]) == (owner.pk, owner.memberships.get().organization_id)

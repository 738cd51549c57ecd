"""The fixed cast: every test speaks of the same people.

`studio` and its `owner`, `second_owner` and `member`; `rival_studio` and its `rival_owner`; a
`viewer`, a `streamer` with a `channel`, a platform `operator`, and a `stranger`.
"""

from __future__ import annotations

import gc
import logging
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any

import hypothesis
import pytest
import redis
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from PIL import Image
from pytest_django import Settings
from structlog.stdlib import ProcessorFormatter

from accounts.models import MemberRole, OAuthApp, Organization, User
from config import memory
from drops.models import Category, Channel
from scripts.valkey import running_valkey
from tests import factories
from tests.dashboard import sign_in

# The same examples in every run, so that none fails by chance. `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("explore", derandomize=False, print_blob=True)
hypothesis.settings.load_profile("same")


# What no database decides is tried on SQLite alone: words, looks, documents, sockets, other programs; and what single
# pages do with the rules, which are tried on both.
ON_SQLITE_ALONE = (
    "tests/accounts/dashboard/",
    "tests/accounts/domain/test_images.py",
    "tests/accounts/oauth/test_independent_clients.py",
    "tests/accounts/views/",
    "tests/config/test_contrast.py",
    "tests/config/test_documents.py",
    "tests/config/test_markup.py",
    "tests/config/test_pages.py",
    "tests/config/test_pseudo_language.py",
    "tests/config/test_translations.py",
    "tests/drops/dashboard/",
    "tests/drops/views/",
    "tests/examples/game_studio/",
    "tests/fulfillment/dashboard/",
    "tests/fulfillment/outbound/",
    "tests/scripts/",
    "tests/security/test_files.py",
    "tests/security/test_table.py",
)
# What walks through everything is tried on PostgreSQL alone, which production has: each page, by each role and
# stranger, and thousands of calls. `tests/isolation/test_numbers.py` knows what SQLite would break on.
ON_POSTGRESQL_ALONE = (
    "tests/config/test_schemathesis.py",
    "tests/isolation/test_dashboard.py",
    "tests/isolation/test_operator_views.py",
    "tests/isolation/test_roles.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only one of the databases can show, or what neither decides, is left to one pass."""
    on_postgresql = connection.vendor == "postgresql"

    def is_elsewhere(item: pytest.Item) -> bool:
        if item.get_closest_marker("postgresql") is not None:
            return not on_postgresql
        return item.nodeid.startswith(ON_SQLITE_ALONE if on_postgresql else ON_POSTGRESQL_ALONE)

    left_out = list(filter(is_elsewhere, items))
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not is_elsewhere(item)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Looking for garbage took a seventh of all computing: what is imported by now stays to the end, and what
    pages leave behind is looked through less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(autouse=True)
def _as_the_first_test() -> Iterator[None]:
    """No test sees what the one before left in memory, and chance is the same in every run."""
    random.seed(1)
    yield
    cache.clear()
    memory.forget()


@pytest.fixture(scope="session")
def _valkey_server() -> Iterator[str]:
    with running_valkey() as url:
        yield url


@pytest.fixture
def valkey_url(_valkey_server: str) -> str:
    """The REDIS_URL of a real, empty Valkey."""
    with redis.from_url(_valkey_server) as client:
        client.flushall()
    return _valkey_server


@pytest.fixture
def now() -> datetime:
    return factories.NOW


@pytest.fixture
def studio(db: None) -> Organization:
    return factories.OrganizationFactory(name="Northlight Games", slug="northlight-games")


@pytest.fixture
def rival_studio(db: None) -> Organization:
    return factories.OrganizationFactory(name="Rival Works", slug="rival-works")


@pytest.fixture
def owner(studio: Organization) -> User:
    return factories.MembershipFactory(organization=studio, user__username="owner").user


@pytest.fixture
def second_owner(studio: Organization) -> User:
    return factories.MembershipFactory(organization=studio, user__username="second_owner").user


@pytest.fixture
def member(studio: Organization) -> User:
    return factories.MembershipFactory(
        organization=studio, user__username="member", role=MemberRole.MEMBER
    ).user


@pytest.fixture
def rival_owner(rival_studio: Organization) -> User:
    return factories.MembershipFactory(organization=rival_studio, user__username="rival_owner").user


@pytest.fixture
def viewer(db: None) -> User:
    return factories.UserFactory(username="viewer")


@pytest.fixture
def stranger(db: None) -> User:
    return factories.UserFactory(username="stranger")


@pytest.fixture
def operator(db: None) -> User:
    return factories.UserFactory(username="operator", is_staff=True, is_superuser=True)


@pytest.fixture
def streamer(db: None) -> User:
    return factories.UserFactory(username="streamer")


@pytest.fixture
def category(studio: Organization) -> Category:
    """The studio's game."""
    return factories.CategoryFactory(name="Skyforge Rally", slug="skyforge-rally", organization=studio)


@pytest.fixture
def channel(streamer: User) -> Channel:
    return factories.ChannelFactory(owner=streamer, slug="streamer")


@pytest.fixture
def studio_app(studio: Organization) -> OAuthApp:
    """The studio's OAuth app; its secret is "secret"."""
    return factories.OAuthAppFactory(organization=studio, name="Northlight Connect")


@pytest.fixture
def rival_app(rival_studio: Organization) -> OAuthApp:
    return factories.OAuthAppFactory(organization=rival_studio, name="Rival Connect")


@pytest.fixture
def owner_client(client: Client, owner: User) -> Iterator[Client]:
    """The browser of `owner`, signed in with a second factor, at NOW."""
    sign_in(client, owner)
    with time_machine.travel(factories.NOW, tick=False):
        yield client


@pytest.fixture
def picture() -> SimpleUploadedFile:
    """A square PNG with a name that must not survive."""
    file = BytesIO()
    Image.new("RGB", (256, 256), "teal").save(file, "PNG")
    return SimpleUploadedFile("../../cape.php", file.getvalue(), "image/png")


@pytest.fixture
def migrate(transactional_db: None, settings: Settings) -> Iterator[Callable[..., None]]:
    """Takes an app and one of its migrations, or nothing: then the newest of every app, as after the test."""
    settings.MIGRATION_MODULES = {}  # the tables of other tests are made from the models, without any
    executor = MigrationExecutor(connection)
    executor.recorder.ensure_schema()
    for app, name in executor.loader.graph.nodes:
        executor.recorder.record_applied(app, name)

    def to(*target: str) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate([target] if target else executor.loader.graph.leaf_nodes())

    yield to
    to()
    executor.recorder.flush()


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What is written to the log, as the site formats it."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(ProcessorFormatter(**formatter_options()))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def formatter_options() -> dict[str, Any]:
    options = dict(settings.LOGGING["formatters"]["structured"])
    del options["()"]
    return options

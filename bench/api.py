"""What the claims API and the check of a token cost."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from statistics import median
from typing import Any

from bench import measure, servers

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CLAIMS = "/public/v1/drops/claims"
PAGE = 1_000
ROUNDS = 150
WARM_UP = 30
FEW, MANY = 10_000, 2_000_000

COLUMNS = "id, viewer_id, campaign_id, reward_id, external_id, external_status, created_at, updated_at"
KEYS = (
    "claim_id",
    "user_id",
    "campaign_id",
    "reward_id",
    "external_id",
    "external_status",
    "created_at",
    "updated_at",
)


@measure(floor=0.6, unit="ms", lower_is_better=True)
def claims_page() -> tuple[float, float]:
    """GET of 1,000 claims with its token check, beside SQL and orjson that make the same bytes of the same rows."""
    with servers.running_database("postgresql") as url:
        servers.set_up_django(database_url=url, API_CALLS_PER_MINUTE="1000000000", LOG_LEVEL="WARNING")
        world = World()
        world.fill(FEW)
        cursors = [world.random_id() for _ in range(ROUNDS)]
        assert world.page(cursors[0], PAGE) == world.least(cursors[0], PAGE), "both must answer the same"
        for cursor in cursors[:20]:
            world.page(cursor, PAGE)
            world.least(cursor, PAGE)
        ours, least = [], []
        for cursor in cursors:
            ours.append(_milliseconds(lambda cursor=cursor: world.page(cursor, PAGE)))
            least.append(_milliseconds(lambda cursor=cursor: world.least(cursor, PAGE)))
        return median(ours), median(least)


@measure(floor=0.9, unit="ms", lower_is_better=True)
def claims_growth() -> tuple[float, float]:
    """The p50 of a page of 100 claims among 2,000,000, beside among 10,000: two databases, asked in turn."""
    with servers.running_database("postgresql") as url:
        servers.set_up_django(database_url=url, API_CALLS_PER_MINUTE="1000000000", LOG_LEVEL="WARNING")
        world = World()
        world.fill(FEW)
        with_few = world.copied_database("few")
        cursors_of_few = world.cursors()
        world.fill(MANY)
        with_many = world.database()
        few, many = [], []
        for of_few, of_many in zip(cursors_of_few, world.cursors(), strict=True):
            with_few()
            few.append(_milliseconds(lambda cursor=of_few: world.page(cursor, 100)))
            with_many()
            many.append(_milliseconds(lambda cursor=of_many: world.page(cursor, 100)))
        return median(many[WARM_UP:]), median(few[WARM_UP:])


@measure(floor=0.4, unit="requests/s")
def token_check() -> tuple[float, float]:
    """An authenticated endpoint that does nothing, beside an open one on the same server."""
    with servers.running_database("postgresql") as url, servers.running_valkey() as redis_url:
        settings = servers.set_up_django(
            database_url=url, redis_url=redis_url, API_CALLS_PER_MINUTE="1000000000", LOG_LEVEL="WARNING"
        )
        token = World().token
        bearer = {"Authorization": f"Bearer {token}"}
        with servers.running_web(settings, application="bench.trivial:application") as site:
            servers.load(f"{site}/api/closed", seconds=2, headers=bearer)
            closed, open_to_all = [], []
            for _ in range(6):  # in turn, so that both meet the machine as it is
                open_to_all.append(servers.load(f"{site}/api/open", seconds=2).per_second)
                closed.append(servers.load(f"{site}/api/closed", seconds=2, headers=bearer).per_second)
        return median(closed), median(open_to_all)


def _milliseconds(work: Callable[[], Any]) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


class World:
    """A studio with one campaign, and as many claims of it as are asked for."""

    def __init__(self) -> None:
        from django.core.wsgi import get_wsgi_application

        from tests import factories
        from tests.api import access_token

        attached = factories.CampaignRewardFactory()
        self.organization = attached.campaign.organization
        self.campaign, self.reward = attached.campaign, attached.reward
        self.token = access_token(factories.OAuthAppFactory(organization=self.organization))
        self.application = get_wsgi_application()
        self.count = 0

    def claim_id(self, number: int) -> str:
        from ulid import ULID

        moment = int((NOON + timedelta(milliseconds=number)).timestamp() * 1000)
        return str(ULID.from_int((moment << 80) + number))

    def random_id(self) -> str:
        return self.claim_id(random.randrange(self.count - PAGE))

    def fill(self, count: int) -> None:
        """Grow to `count` claims. The viewers need not exist: nothing here asks for them."""
        from django.db import connection

        first = int(NOON.timestamp() * 1000)
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                """
                INSERT INTO fulfillment_claim (id, organization_id, viewer_id, campaign_id, reward_id,
                                               external_id, game_account_id, test, external_status, created_at,
                                               updated_at)
                SELECT (lpad(to_hex(%(first)s::bigint + n), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid,
                       %(organization)s, n + 1000, %(campaign)s, %(reward)s, 'wings', '', false, 'initiated',
                       %(noon)s::timestamptz + n * interval '1 millisecond',
                       %(noon)s::timestamptz + n * interval '1 millisecond'
                FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n
                """,
                {
                    "first": first,
                    "organization": _uuid(self.organization.pk),
                    "campaign": _uuid(self.campaign.pk),
                    "reward": _uuid(self.reward.pk),
                    "noon": NOON,
                    "from": self.count,
                    "to": count - 1,
                },
            )
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("VACUUM ANALYZE fulfillment_claim")
        self.count = count

    def cursors(self) -> list[str]:
        return [self.random_id() for _ in range(WARM_UP + 2 * ROUNDS)]

    def database(self, name: str | None = None) -> Callable[[], None]:
        """A switch: from when it is called, the site asks the database of this name, by a connection that stays."""
        from django.db import connections

        made = connections.create_connection("default")
        options = {key: value for key, value in made.settings_dict["OPTIONS"].items() if key != "pool"}
        made.settings_dict = {**made.settings_dict, "CONN_MAX_AGE": None, "OPTIONS": options}
        if name is not None:
            made.settings_dict["NAME"] = name

        def switch() -> None:
            connections["default"] = made

        return switch

    def copied_database(self, name: str) -> Callable[[], None]:
        """A copy of the database as it is now."""
        import psycopg
        from django.db import connection

        present = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            address = cursor.connection.info.dsn
        connection.close()
        connection.close_pool()
        with psycopg.connect(address, dbname="template1", autocommit=True) as server:
            server.execute(f'CREATE DATABASE {name} TEMPLATE "{present}"')
        return self.database(name)

    def page(self, cursor: str, limit: int) -> bytes:
        """The whole of the site's work for one request, as the web server calls it."""
        status: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": CLAIMS,
            "QUERY_STRING": f"limit={limit}&cursor={cursor}",
            "HTTP_AUTHORIZATION": f"Bearer {self.token}",
            "HTTP_HOST": "127.0.0.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        response = self.application(environ, lambda line, _: status.append(line))
        body = b"".join(response)
        response.close()
        assert status[0].startswith("200"), body
        return body

    def least(self, cursor: str, limit: int) -> bytes:
        """The same rows and the same bytes, by hand."""
        import orjson
        from django.db import connection

        from config.ulid import ulid_text

        with connection.cursor() as database:
            database.execute(
                f"SELECT {COLUMNS} FROM fulfillment_claim WHERE organization_id = %s AND id > %s "  # noqa: S608
                "ORDER BY id LIMIT %s",
                (_uuid(self.organization.pk), _uuid(cursor), limit + 1),
            )
            rows = database.fetchall()
        claims = [
            dict(
                zip(
                    KEYS,
                    (ulid_text(row[0]), row[1], ulid_text(row[2]), ulid_text(row[3]), *row[4:]),
                    strict=True,
                )
            )
            for row in rows[:limit]
        ]
        following = claims[-1]["claim_id"] if len(rows) > limit else ""
        return orjson.dumps(
            {"data": {"claims": claims, "cursor": following}, "message": "OK"}, option=orjson.OPT_UTC_Z
        )


def _uuid(ulid: str) -> Any:
    from ulid import ULID

    return ULID.from_str(ulid).to_uuid()

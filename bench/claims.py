"""What a claim costs over HTTP, first attempt included, beside the rows and the request that it cannot do without."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

from bench import delivery, measure, servers

VIEWERS = 1_000
REWARDS = 12
ROUNDS = 5
SECONDS = 2  # of claiming, in each
SHARE = 2_000  # of the claims that are wished for: more than fit into that time
PROCESSES = 2
THREADS = 4  # in each: as many requests at a time as one endpoint may get
WEB_THREADS = 24  # so many that every claim finds room for its first attempt

# The organization's id, the claim's, the delivery's, its body; then the three rows.
Row = tuple[Any, Any, Any, bytes, str, str, str]

# Each request claims the next reward that is not claimed yet.
SCRIPT = """\
local wishes = {{{wishes}}}
local number = 0
request = function()
  number = number + 1
  local wish = wishes[number]
  return wrk.format("POST", "/api/v1/drops/claim",
    {{["Content-Type"] = "application/json", ["Authorization"] = wish[1]}}, wish[2])
end
"""


@measure(floor=0.4, unit="claims/s")
def claim_http() -> tuple[float, float]:
    """Claims over HTTP with their first attempt, beside hand-written inserts of the same rows and one signed POST."""
    from django.utils import timezone

    with servers.running_database("postgresql") as database, delivery.receiver() as studio:
        settings = servers.set_up_django(database_url=database, API_CALLS_PER_MINUTE="10000000")
        wishes = make_wishes(studio)
        ours, bare = [], []
        with (
            tempfile.TemporaryDirectory() as folder,
            servers.running_web(settings, workers=PROCESSES, threads=WEB_THREADS) as site,
        ):
            claim(site, wishes[:SHARE], Path(folder))
            analyze()
            for number in range(1, ROUNDS + 1):  # in turn, so that both meet the machine as it is
                began = timezone.now()
                ours.append(claim(site, wishes[number * SHARE : (number + 1) * SHARE], Path(folder)))
                rows = take_rows_out(since=began)
                bare.append(len(rows) / seconds_by_hand(rows, database, f"{studio}/"))
        check_that_all_arrived()
        return mean(ours), mean(bare)


def claim(site: str, wishes: list[tuple[str, str]], folder: Path) -> float:
    """Claims per second."""
    script = folder / "claim.lua"
    script.write_text(SCRIPT.format(wishes=",".join(f"{{{lua(a)},{lua(b)}}}" for a, b in wishes)))
    load = servers.load(site, seconds=SECONDS, connections=PROCESSES * THREADS, script=script)
    return load.per_second


def analyze() -> None:
    """What autovacuum does within a minute: plans of a database that was empty just now are no measure."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_wishes(studio: str) -> list[tuple[str, str]]:
    """Viewers who earned every reward of a campaign: (Authorization, body) of each claim."""
    from django.utils import timezone

    from accounts.models import GameLink, User
    from drops.models import Progress
    from tests import factories
    from tests.api import access_token

    (endpoint,) = delivery.make_endpoints([f"{studio}/"])
    organization = endpoint.organization
    now = timezone.now()
    # Live now, not at the moment that tests have.
    campaign = factories.CampaignFactory(
        organization=organization, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
    )
    rewards = [
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=1).reward for _ in range(REWARDS)
    ]
    app = factories.OAuthAppFactory(organization=organization)
    viewers = User.objects.bulk_create(User(username=f"viewer_{number}") for number in range(VIEWERS))
    Progress.objects.bulk_create(
        Progress(viewer=viewer, campaign=campaign, seconds=3600, created_at=now, updated_at=now)
        for viewer in viewers
    )
    GameLink.objects.bulk_create(
        GameLink(viewer=viewer, organization=organization, app=app, linked_at=now) for viewer in viewers
    )
    tokens = [access_token(app, user=viewer, scope="drops:claim") for viewer in viewers]
    bodies = [json.dumps({"campaign_id": campaign.pk, "reward_id": reward.pk}) for reward in rewards]
    return [(f"Bearer {token}", body) for body in bodies for token in tokens]


def check_that_all_arrived() -> None:
    """No first attempt was left to a worker: there is none."""
    from fulfillment.models import Attempt, Claim, Delivery, DeliveryState

    claims = Claim.objects.count()
    delivered = Delivery.objects.filter(state=DeliveryState.DELIVERED).count()
    assert claims, "nothing was claimed"
    assert delivered >= claims * 0.99, f"{delivered} of {claims} were delivered at once"
    assert Attempt.objects.count() >= delivered


def take_rows_out(*, since: datetime) -> list[Row]:
    """The claims with their deliveries and attempts, as PostgreSQL writes rows down; they are gone then."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT claim.organization_id, claim.id, delivery.id, delivery.body,
                   claim::text, delivery::text, attempt::text
            FROM fulfillment_claim claim
            JOIN fulfillment_delivery delivery ON delivery.claim_id = claim.id
            JOIN fulfillment_attempt attempt ON attempt.delivery_id = delivery.id
            WHERE claim.created_at >= %s
            """,
            [since],
        )
        rows = [(*row[:3], bytes(row[3]), *row[4:]) for row in cursor.fetchall()]
        deliveries, claims = [row[2] for row in rows], [row[1] for row in rows]
        cursor.execute("DELETE FROM fulfillment_attempt WHERE delivery_id = ANY(%s)", [deliveries])
        cursor.execute("DELETE FROM fulfillment_delivery WHERE id = ANY(%s)", [deliveries])
        cursor.execute("DELETE FROM fulfillment_claim WHERE id = ANY(%s)", [claims])
    return rows


def seconds_by_hand(rows: list[Row], database: str, url: str) -> float:
    """The same rows once more, by as many processes and threads as requests are made at a time."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        shares = [rows[number::PROCESSES] for number in range(PROCESSES)]
        return max(pool.map(write_rows_again, shares, [database] * PROCESSES, [url] * PROCESSES))


def write_rows_again(rows: list[Row], database: str, url: str) -> float:
    """Seconds that THREADS threads take."""
    import psycopg

    def write(share: list[Row]) -> None:
        with psycopg.connect(
            f"{urlsplit(database).query} user=drops dbname=drops", autocommit=True
        ) as connection:
            for row in share:
                write_row(connection, row, url)

    delivery.private_key()
    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, [rows[number::THREADS] for number in range(THREADS)]))
    return time.perf_counter() - started


def write_row(connection: Any, row: Row, url: str) -> None:
    organization_id, claim_id, delivery_id, body, claim, delivered, attempt = row
    with connection.transaction():
        connection.execute(
            "UPDATE fulfillment_claimsequence SET last_claim_id = %s WHERE organization_id = %s",
            [claim_id, organization_id],
        )
        connection.execute("INSERT INTO fulfillment_claim SELECT (%s::fulfillment_claim).*", [claim])
        connection.execute(
            "INSERT INTO fulfillment_delivery SELECT (%s::fulfillment_delivery).*", [delivered]
        )
    delivery.post_signed(url, str(delivery_id), body)
    with connection.transaction():
        connection.execute("UPDATE fulfillment_delivery SET state = 'delivered' WHERE id = %s", [delivery_id])
        connection.execute("INSERT INTO fulfillment_attempt SELECT (%s::fulfillment_attempt).*", [attempt])


def lua(text: str) -> str:
    """A string of Lua: JSON's form of plain ASCII is one."""
    return json.dumps(text)

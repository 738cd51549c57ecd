"""One run: `python -m tests.chaos.run DATABASE SECONDS SEED`. Exits 1 if an invariant is broken."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from bench.servers import running_database, set_up_django
from scripts.ports import free_port, wait_until_listening
from scripts.valkey import configure
from tests.chaos import invariants
from tests.chaos.load import Load, Wish
from tests.chaos.programs import Program, procfile_command
from tests.chaos.sink import Sink, running_sink

VIEWERS = 400
REWARDS = 12
HANG = 3.0
# The longest lease, a few retries, and a slow machine.
DRAIN = 120


def main(database: str, seconds: int, seed: int) -> int:
    print(f"\nChaos on {database} for {seconds} s, seed {seed}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drops-chaos-")))
        folder.chmod(0o755)
        database_url = stack.enter_context(running_database(database))
        valkey_command, redis_url = configure(folder / "valkey")
        port = free_port()
        settings = set_up_django(
            database_url=database_url,
            redis_url=redis_url,
            STATE_DIR=str(folder),
            API_CALLS_PER_MINUTE="10000000",
            PORT=str(port),
            WEB_THREADS="8",
        )
        sink = stack.enter_context(running_sink(seed))
        wishes, quiet_wishes = fill(sink)
        valkey = stack.enter_context(Program("valkey", valkey_command, {}, folder / "valkey.log"))
        web = stack.enter_context(Program("web", procfile_command("web"), settings, folder / "web.log"))
        worker = stack.enter_context(
            Program("worker", procfile_command("worker"), settings, folder / "worker.log")
        )
        wait_until_listening(port)
        site = f"http://127.0.0.1:{port}"
        load = Load(site, wishes, seed)
        quiet = Load(site, quiet_wishes, seed, threads=1, pause=0.05)
        hung: list[tuple[float, float]] = []
        stack.enter_context(load)
        stack.enter_context(quiet)
        cause_trouble(
            {
                "kill -9 web": web.kill,
                "kill -9 worker": worker.kill,
                "kill -9 valkey": valkey.kill,
                "valkey hangs": lambda: hang(valkey, hung),
                "valkey is flushed": lambda: flush(redis_url),
                **(
                    {"postgresql crashes": lambda: crash_postgresql(database_url)}
                    if database == "postgresql"
                    else {}
                ),
            },
            port=port,
            seconds=seconds,
            seed=seed,
        )
        load.stop()
        quiet.stop()
        sink.misbehaving = False
        waiting = drain()
        found = check(load, quiet, sink, hung, waiting)
        print(f"killed: web {web.killed}, worker {worker.killed}, valkey {valkey.killed} times")
        for answer, times in sorted((a, load.refused.count(a)) for a in set(load.refused)):
            print(f"viewers were also told, {times} times: {answer}")
    for invariant in found:
        print(f"{'holds ' if invariant.holds else 'BROKEN'}  {invariant.name}: {invariant.counts}")
    return int(not all(invariant.holds for invariant in found))


def fill(sink: Sink) -> tuple[list[Wish], list[Wish]]:
    """A studio with a server and one without, and what the viewers have earned from each."""
    from django.utils import timezone

    from fulfillment.domain import signing
    from tests import factories

    now = timezone.now()
    signing.create_signing_key(now=now)
    loud, quiet = factories.OrganizationFactory(), factories.OrganizationFactory()
    factories.WebhookEndpointFactory(organization=loud, url=sink.url)
    return earn(loud, viewers=VIEWERS, now=now), earn(quiet, viewers=VIEWERS, now=now)


def earn(organization, *, viewers: int, now) -> list[Wish]:
    from accounts.models import GameLink, User
    from drops.models import Progress
    from tests import factories
    from tests.api import access_token

    campaign = factories.CampaignFactory(
        organization=organization, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
    )
    rewards = [
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=1).reward for _ in range(REWARDS)
    ]
    app = factories.OAuthAppFactory(organization=organization)
    people = User.objects.bulk_create(
        User(username=f"viewer_{organization.slug[-2:]}_{number}".replace("-", "_"))
        for number in range(viewers)
    )
    Progress.objects.bulk_create(
        Progress(viewer=viewer, campaign=campaign, seconds=3600, created_at=now, updated_at=now)
        for viewer in people
    )
    GameLink.objects.bulk_create(
        GameLink(viewer=viewer, organization=organization, app=app, linked_at=now) for viewer in people
    )
    return [
        Wish(viewer.pk, token, campaign.pk, reward.pk)
        for viewer in people
        for token in [access_token(app, user=viewer, scope="user:read")]
        for reward in rewards
    ]


def cause_trouble(troubles: dict[str, Callable[[], None]], *, port: int, seconds: int, seed: int) -> None:
    """One trouble after the other: all of them in a random order, then again. Each meets a site that runs."""
    chance = random.Random(seed)
    started = time.monotonic()
    coming: list[str] = []
    while (passed := time.monotonic() - started) < seconds:
        if not coming:
            coming = sorted(troubles)
            chance.shuffle(coming)
        trouble = coming.pop()
        print(f"  {passed:5.1f} s  {trouble}", flush=True)
        troubles[trouble]()
        wait_until_listening(port)
        time.sleep(chance.uniform(0.5, 2.5))


def hang(valkey: Program, hung: list[tuple[float, float]]) -> None:
    began = time.monotonic()
    valkey.stop()
    time.sleep(HANG)
    valkey.go_on()
    hung.append((began, time.monotonic()))


def flush(redis_url: str) -> None:
    # Where it was killed a moment ago it is empty or away: as good.
    with suppress(redis.RedisError), redis.Redis.from_url(redis_url, socket_timeout=1) as client:
        client.flushall()


def crash_postgresql(database_url: str) -> None:
    """kill -9 of one of its own processes: it cuts every connection and starts over from its log."""
    address = urlsplit(database_url)
    with suppress(psycopg.OperationalError):  # it is still starting over from the last time
        query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"
        with psycopg.connect(f"{address.query} user=drops dbname=drops") as connection:
            (pid,) = connection.execute(query).fetchone()
            os.kill(pid, signal.SIGKILL)


def drain() -> int:
    """Release the endpoint, so that what waits for its next attempt is sent now. Returns what is left."""
    from django.db import OperationalError, connection
    from django.utils import timezone

    from accounts.models import User
    from fulfillment.domain.endpoints import release_endpoint
    from fulfillment.models import Delivery, DeliveryState, WebhookEndpoint

    deadline = time.monotonic() + DRAIN
    waiting = -1
    while waiting and time.monotonic() < deadline:
        try:
            release_endpoint(
                endpoint=WebhookEndpoint.objects.get(), actor=User.objects.first(), now=timezone.now()
            )
            time.sleep(5)
            waiting = Delivery.objects.filter(state=DeliveryState.PENDING).count()
        except OperationalError:  # PostgreSQL is still starting over
            connection.close()
            time.sleep(1)
    return waiting


def check(
    load: Load, quiet: Load, sink: Sink, hung: list[tuple[float, float]], waiting: int
) -> list[invariants.Invariant]:
    from django.utils import timezone

    from fulfillment.domain import signing

    seen = sink.seen
    return [
        invariants.nothing_is_left(waiting),
        invariants.every_claim_arrived(seen),
        invariants.delivered_means_a_2xx(seen),
        invariants.one_claim_each([*load.told, *quiet.told]),
        invariants.attempts_are_requests(seen),
        invariants.same_message_every_time(seen),
        invariants.signatures_are_valid(seen, signing.public_key_pem(timezone.now())),
        invariants.a_hung_broker_costs_little(quiet.told, hung),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

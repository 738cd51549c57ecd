"""What delivering costs beside bare requests, and what one hanging server costs the others."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any

from bench import measure, servers

ENDPOINTS = 8
ROUNDS = 4
IN_A_ROUND = 1000
ISOLATION_ROUNDS = 3
THREADS = 32


@measure(floor=0.6, unit="deliveries/s")
def delivery_throughput() -> tuple[float, float]:
    """Signed deliveries with all their bookkeeping, beside signed requests by as many threads."""
    with (
        site() as settings,
        receiver() as url,
        servers.running_worker(settings, "deliveries", threads=THREADS),
    ):
        endpoints = make_endpoints([f"{url}/?endpoint={number}" for number in range(ENDPOINTS)])
        deliver_all(make_deliveries(endpoints, THREADS))  # the worker is up now
        ours = bare = 0.0
        for _ in range(ROUNDS):
            pending = make_deliveries(endpoints, IN_A_ROUND)
            ours += seconds(deliver_all, pending)
            bare += seconds(post_all, pending)
        return ROUNDS * IN_A_ROUND / ours, ROUNDS * IN_A_ROUND / bare


@measure(floor=0.8, unit="ms", lower_is_better=True)
def delivery_isolation() -> tuple[float, float]:
    """From due to delivered, p99 of nine healthy endpoints: with a tenth that hangs for 10 s, and with none."""
    with site() as settings, receiver() as url, slow_server(10) as hanging:
        return p99_beside(settings, url, sick=[hanging], well=[f"{url}/?endpoint=tenth"])


@measure(floor=0.8, unit="ms", lower_is_better=True)
def studio_isolation() -> tuple[float, float]:
    """The same beside all five endpoints of one studio: with answers that take 9 s, so that no breaker opens."""
    with site() as settings, receiver() as url, slow_server(9) as slow:
        sick = [f"{slow}?endpoint={number}" for number in range(5)]
        well = [f"{url}/?endpoint=well{number}" for number in range(5)]
        return p99_beside(settings, url, sick=sick, well=well)


@contextmanager
def site() -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey, and Django set up with them; yields the settings for workers."""
    with servers.running_database("postgresql") as database, servers.running_valkey() as redis:
        yield servers.set_up_django(database_url=database, redis_url=redis)


@contextmanager
def receiver() -> Iterator[str]:
    """A server that answers at once; yields its address."""
    with servers.running_web(
        servers.environment(database_url="sqlite:///:memory:"),
        application="bench.noop:application",
        workers=1,
        threads=8,
    ) as url:
        yield url


@contextmanager
def slow_server(seconds: float) -> Iterator[str]:
    """It accepts, reads, and says nothing for so long; then 200."""
    from tests.fulfillment.peers import running_peer

    def answer_late(connection: Any) -> None:
        connection.recv(65536)
        time.sleep(seconds)
        with suppress(OSError):  # whoever asked has gone
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with running_peer(answer_late) as port:
        yield f"http://127.0.0.1:{port}/"


def make_endpoints(urls: list[str], *, of_one_studio: bool = False) -> list[Any]:
    """Each of an organization of its own, as isolation is among studios, or all of one."""
    from django.utils import timezone

    from fulfillment.domain.delivery import signing
    from tests import factories

    now = timezone.now()
    if not signing.published_keys(now).exists():
        signing.create_signing_key(now=now)
    organization = {"organization": factories.OrganizationFactory()} if of_one_studio else {}
    return [factories.WebhookEndpointFactory(url=url, **organization) for url in urls]


def make_deliveries(endpoints: list[Any], count: int) -> list[Any]:
    """Due now, in turn one for each endpoint."""
    from django.utils import timezone

    from accounts.models import User, new_ulid
    from drops.models import CampaignReward
    from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
    from fulfillment.models import Claim, Delivery, Trigger
    from tests import factories

    now = timezone.now()
    attached = {
        endpoint: CampaignReward.objects.filter(campaign__organization=endpoint.organization).first()
        or factories.CampaignRewardFactory(campaign__organization=endpoint.organization)
        for endpoint in endpoints
    }
    viewers = User.objects.bulk_create(User(username=f"v{new_ulid()[-20:]}") for _ in range(count))
    claims = Claim.objects.bulk_create(
        Claim(
            id=new_ulid(),
            organization=endpoint.organization,
            viewer=viewer,
            campaign=attached[endpoint].campaign,
            reward=attached[endpoint].reward,
            created_at=now,
            updated_at=now,
        )
        for viewer, endpoint in zip(viewers, endpoints * count, strict=False)
    )
    return Delivery.objects.bulk_create(
        Delivery(
            endpoint=endpoint,
            claim=claim,
            event_type=CLAIM_CREATED,
            body=claim_body(claim),
            trigger=Trigger.CLAIM,
            next_attempt_at=now,
            created_at=now,
        )
        for claim, endpoint in zip(claims, endpoints * count, strict=False)
    )


def deliver_all(pending: list[Any]) -> None:
    """By the worker that runs."""
    from fulfillment.domain.delivery.calling import call_workers
    from fulfillment.models import Delivery, DeliveryState

    call_workers()
    while Delivery.objects.filter(state=DeliveryState.PENDING).exists():
        time.sleep(0.01)
    delivered = Delivery.objects.filter(pk__in=[delivery.pk for delivery in pending])
    assert {delivery.state for delivery in delivered} == {DeliveryState.DELIVERED}


def post_all(pending: list[Any]) -> None:
    """Signed and sent, and nothing else."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(
            pool.map(lambda delivery: post_signed(delivery.endpoint.url, delivery.pk, delivery.body), pending)
        )


def post_signed(url: str, message_id: str, body: bytes) -> None:
    """The least that a signed request is."""
    import requests
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    timestamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    message = f"{message_id}.{timestamp}.".encode() + body
    signature = private_key().sign(message, padding.PKCS1v15(), hashes.SHA256())
    headers = {
        "Kick-Event-Message-ID": message_id,
        "Kick-Event-Timestamp": timestamp,
        "Kick-Event-Signature": base64.b64encode(signature).decode(),
    }
    requests.post(url, data=body, headers=headers, timeout=10).raise_for_status()


@cache
def private_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def p99_beside(
    settings: dict[str, str], url: str, *, sick: list[str], well: list[str]
) -> tuple[float, float]:
    """Milliseconds: beside a studio whose servers are sick, and beside one whose servers are well.

    In turns, so that both have the same share of what else the machine does; one round alone
    has 900 deliveries, and its p99 is its ninth worst.
    """
    healthy = make_endpoints([f"{url}/?endpoint={number}" for number in range(9)])
    took: dict[str, list[float]] = {"sick": [], "well": []}
    for _ in range(ISOLATION_ROUNDS):
        for name, urls in (("sick", sick), ("well", well)):
            # New ones each time: the breaker of the last ones is open.
            took[name] += times_of(settings, healthy, beside=make_endpoints(urls, of_one_studio=True))
    p99 = {name: sorted(times)[int(len(times) * 0.99)] for name, times in took.items()}
    return p99["sick"], p99["well"]


def times_of(settings: dict[str, str], healthy: list[Any], *, beside: list[Any]) -> list[float]:
    """Milliseconds. Ten deliveries a second for each endpoint, a worker as it is deployed."""
    from django.conf import settings as ours
    from django.db.models import F

    from fulfillment.domain.delivery.calling import call_workers
    from fulfillment.models import Delivery, DeliveryState

    made: list[str] = []
    with servers.running_worker(settings, "deliveries", threads=ours.DELIVERY_THREADS):
        deliver_all(make_deliveries(healthy, len(healthy)))  # the worker is up now
        for _ in range(100):
            make_deliveries(beside, len(beside))
            made += [delivery.pk for delivery in make_deliveries(healthy, len(healthy))]
            call_workers()  # as claims do whose first attempt is not made at once
            time.sleep(0.1)
        while Delivery.objects.filter(pk__in=made, state=DeliveryState.PENDING).exists():
            time.sleep(0.1)
    Delivery.objects.filter(state=DeliveryState.PENDING).delete()
    times = Delivery.objects.filter(pk__in=made).annotate(took=F("delivered_at") - F("created_at"))
    return [delivery.took.total_seconds() * 1000 for delivery in times]


def seconds(work: Callable[[list[Any]], None], pending: list[Any]) -> float:
    started = time.perf_counter()
    work(pending)
    return time.perf_counter() - started

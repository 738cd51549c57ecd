"""The script for a developer's machine, as a process of its own against a site that runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from accounts.models import OAuthApp, Organization, new_ulid
from fulfillment.domain.delivery.messages import CLAIM_CREATED, claim_body
from fulfillment.models import Delivery, SigningKey
from tests import factories
from tests.fulfillment.receiver import Receiver, running_receiver

SCRIPT = Path(settings.BASE_DIR) / "examples" / "replay.py"
PATIENCE = 60

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def script(
    site: str, app: OAuthApp, to: str, *options: str, secret: str = "secret"
) -> Iterator[subprocess.Popen]:
    environment = {
        "PATH": os.environ["PATH"],
        "DROPS_CLIENT_ID": app.client_id,
        "DROPS_CLIENT_SECRET": secret,
    }
    process = subprocess.Popen(
        [sys.executable, SCRIPT, "--drops", site, "--to", to, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def key() -> SigningKey:
    return factories.make_signing_key(now=datetime.now(UTC))


def deliver(studio: Organization, *, test_mode: bool) -> Delivery:
    now = datetime.now(UTC)
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    attached = factories.CampaignRewardFactory(campaign__organization=studio, campaign__test_mode=test_mode)
    claim = factories.ClaimFactory(
        id=new_ulid(), campaign=attached.campaign, reward=attached.reward, test=test_mode, created_at=now
    )
    return Delivery.objects.create(
        endpoint=endpoint,
        claim=claim,
        event_type=CLAIM_CREATED,
        body=claim_body(claim),
        next_attempt_at=now,
        created_at=now,
    )


def wait_for(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(receiver.received) < count:
        assert time.monotonic() < deadline, receiver.received
        time.sleep(0.05)


def test_messages_reach_the_machine_once_signed_with_the_real_key(
    live_server, studio: Organization, studio_app: OAuthApp, receiver: Receiver, key: SigningKey
) -> None:
    before = deliver(studio, test_mode=True)
    deliver(studio, test_mode=False)
    receiver.answers(500)  # a message is posted once, whatever is answered
    to = f"{receiver.url}/hook?key=1"
    with script(live_server.url, studio_app, to, "--test", "--since", "5") as process:
        wait_for(receiver, 2)
        during = deliver(studio, test_mode=True)
        deliver(studio, test_mode=False)
        wait_for(receiver, 3)
        time.sleep(3)  # another round or two: nothing comes twice
        process.terminate()
    test, *claims = receiver.received
    assert test.headers["Kick-Event-Type"] == "drops.test"
    assert [claim.message_id for claim in claims] == [before.pk, during.pk]
    assert [claim.body for claim in claims] == [bytes(each.body) for each in (before, during)]
    assert all(each.is_signed_by(key.public_key) for each in receiver.received)
    assert all(each.path.endswith("/hook?key=1") for each in receiver.received)
    assert not Delivery.objects.exclude(state="pending").exists()  # copies


def test_it_ends_when_there_is_nothing_more(
    live_server, studio: Organization, studio_app: OAuthApp, receiver: Receiver, key: SigningKey
) -> None:
    delivery = deliver(studio, test_mode=True)
    with script(live_server.url, studio_app, receiver.url, "--since", "5", "--once") as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert f"drops.claim.created {delivery.pk}: 200 in" in said
    assert [each.message_id for each in receiver.received] == [delivery.pk]


def test_a_machine_where_nobody_listens_and_a_wrong_secret_are_said_plainly(
    live_server, studio: Organization, studio_app: OAuthApp, key: SigningKey
) -> None:
    deliver(studio, test_mode=True)
    nobody = "http://127.0.0.1:9/hook"
    with script(live_server.url, studio_app, nobody, "--since", "5", "--once") as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "no answer:" in said
    with script(live_server.url, studio_app, nobody, secret="wrong") as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "No token: 401" in said) == (1, True), said
    assert "Traceback" not in said
    with script(live_server.url, studio_app, "ftp://here", "--once") as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2

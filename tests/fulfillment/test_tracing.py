"""One claim, and one beat, as OpenTelemetry sees them: through web process, worker and webhook."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_django import Settings
from ulid import ULID

from accounts.models import User
from config import tracing
from drops.domain.watch import stream
from drops.domain.watch.beats import Beat
from drops.models import Channel
from fulfillment.domain.claims.claiming import claim_reward
from fulfillment.domain.delivery import queue
from fulfillment.domain.delivery.attempts import attempt
from tests.fulfillment.receiver import Received, Receiver, Reply, running_receiver


@pytest.fixture
def collector(settings: Settings) -> Iterator[Receiver]:
    with running_receiver() as collector:
        settings.TRACES_ENDPOINT = f"{collector.url}v1/traces"
        yield collector
        tracing._provider(settings.TRACES_ENDPOINT).shutdown()


def spans(collector: Receiver) -> list[Any]:
    tracing.flush()
    found = []
    for received in collector.received:
        request = ExportTraceServiceRequest()
        request.ParseFromString(received.body)
        found += [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
    return found


def attribute(span: Any, name: str) -> Any:
    return next((each.value for each in span.attributes if each.key == name), None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("earned", "linked", "endpoint")
def test_a_claim_and_all_its_attempts_are_one_trace(
    viewer: User, campaign: Any, reward: Any, receiver: Receiver, now: Any, collector: Receiver
) -> None:
    receiver.answers(500, 200)
    claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    delivery = claim.deliveries.get()
    assert delivery.next_attempt_at is not None
    (lease,) = queue.take_due(limit=1, now=delivery.next_attempt_at)
    attempt(lease, now=delivery.next_attempt_at)

    found = spans(collector)

    assert sorted(span.name for span in found) == ["claim", "webhook", "webhook"]
    assert {span.trace_id for span in found} == {int(ULID.from_str(claim.pk)).to_bytes(16, "big")}
    (first,) = (span for span in found if span.name == "claim")
    attempts = [span for span in found if span.name == "webhook"]
    assert not first.parent_span_id
    assert {span.parent_span_id for span in attempts} == {first.span_id}
    assert {attribute(span, "http.response.status_code").int_value for span in attempts} == {200, 500}


@pytest.mark.django_db(transaction=True)
def test_a_beat_is_one_trace_from_its_arrival_to_its_credit(
    settings: Settings, valkey_url: str, viewer: User, channel: Channel, collector: Receiver
) -> None:
    settings.REDIS_URL = valkey_url
    stream.append(Beat(viewer.pk, channel.pk, 0))
    stream.credit_all(now=timezone.now)

    accepted, credited = spans(collector)

    assert (accepted.name, credited.name) == ("beat accepted", "beat credited")
    assert accepted.trace_id == credited.trace_id
    assert credited.parent_span_id == accepted.span_id


def test_a_share_is_the_same_share_everywhere(settings: Settings) -> None:
    settings.TRACES_ENDPOINT, settings.TRACES_SHARE = "http://127.0.0.1:1/v1/traces", 0.25
    traces = [tracing.trace_of_entry("drops:watch:0", f"{number}-0") for number in range(4000)]

    chosen = [trace for trace in traces if tracing.is_chosen(trace)]

    assert 800 < len(chosen) < 1200
    assert [trace for trace in traces if tracing.is_chosen(trace)] == chosen


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("earned", "linked")
def test_a_claim_does_not_wait_for_a_collector_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
    viewer: User,
    campaign: Any,
    reward: Any,
    now: Any,
    collector: Receiver,
) -> None:
    returned = threading.Event()
    was_first: list[bool] = []

    def answer_once_the_claim_has_returned(received: Received) -> Reply:
        was_first.append(returned.wait(timeout=60))
        return Reply()

    collector.decide = answer_once_the_claim_has_returned
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")  # Drops would wait for longer than that

    claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    returned.set()

    assert [span.name for span in spans(collector)] == ["claim"]
    assert was_first == [True]

"""A load rehearsal: what is sent, what it says, when it ends by itself, and what it leaves as it was."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEvent, MemberRole, Organization, User
from fulfillment.domain.delivery import signing
from fulfillment.domain.load_rehearsals import firing
from fulfillment.domain.load_rehearsals.firing import end_overdue, fire_next
from fulfillment.domain.load_rehearsals.reading import Verdict, report
from fulfillment.domain.load_rehearsals.starting import (
    PER_DAY,
    TAKEN_WITHIN,
    start_load_rehearsal,
    stop_load_rehearsal,
)
from fulfillment.models import Attempt, Delivery, LoadRehearsal, WebhookEndpoint
from tests import factories
from tests.fulfillment.receiver import Received, Receiver, Reply

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "NOTED_EVERY", 0.02)


def start(endpoint: WebhookEndpoint, actor: User, now: datetime, **fields: int) -> LoadRehearsal:
    return start_load_rehearsal(
        endpoint=endpoint, actor=actor, now=now, **({"rate": 50, "seconds": 1} | fields)
    )


def fire(run: LoadRehearsal, now: datetime) -> LoadRehearsal:
    assert fire_next(clock=lambda: now)
    run.refresh_from_db()
    return run


class TestARun:
    def test_sends_signed_test_events_and_tells_what_was_answered(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        run = fire(start(endpoint, owner, now, rate=20), now)
        sent = len(receiver.received)
        assert 1 <= sent <= 20
        assert len({each.message_id for each in receiver.received}) == sent
        key = signing.public_key_pem(now)
        for each in receiver.received:
            assert each.is_signed_by(key)
            assert each.headers["Kick-Event-Type"] == "drops.test"
            assert "Drops-Rehearsal" not in each.headers
            body = json.loads(each.body)
            assert (body["external_id"], body["campaign_id"]) == ("test", "0" * 26)
        found = report(run, now=now)
        assert (run.state, run.why, run.sent, run.answers) == ("done", "", sent, {"2xx": sent})
        assert 0 < found.rate <= 20
        assert found.p50_ms is not None
        assert found.p50_ms <= found.p95_ms <= found.p99_ms  # type: ignore[operator]

    def test_is_no_delivery_and_changes_nothing_of_the_endpoint(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        before = WebhookEndpoint.objects.filter(pk=endpoint.pk).values().get()
        receiver.answers(500)
        fire(start(endpoint, owner, now), now)
        assert WebhookEndpoint.objects.filter(pk=endpoint.pk).values().get() == before
        assert not Delivery.objects.exists()
        assert not Attempt.objects.exists()

    def test_ends_by_itself_when_the_server_fails(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        receiver.answers(500)
        run = fire(start(endpoint, owner, now, seconds=30), now)
        assert (run.state, run.why) == ("stopped", "failing")
        assert firing.MOST_FAILED <= len(receiver.received) < 30
        assert report(run, now=now).verdict(1) is Verdict.NOT_ENOUGH

    def test_ends_by_itself_when_the_server_asks_for_a_pause(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        receiver.answers(200, Reply(429, {"Retry-After": "60"}))
        run = fire(start(endpoint, owner, now, seconds=30), now)
        assert (run.state, run.why) == ("stopped", "asked")
        assert len(receiver.received) < 30

    @pytest.mark.parametrize(
        ("change", "why"),
        [("stop", "by_member"), ("hold", "endpoint"), ("move", "endpoint"), ("suspend", "not_active")],
    )
    def test_ends_when_something_stands_against_it(
        self,
        endpoint: WebhookEndpoint,
        receiver: Receiver,
        owner: User,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
        change: str,
        why: str,
    ) -> None:
        run = start(endpoint, owner, now, seconds=30)
        may_go_on = firing._Fire._may_go_on

        def changed_first(self: Any) -> None:
            if change == "stop":
                stop_load_rehearsal(run=run, actor=owner, now=now)
            elif change == "hold":
                WebhookEndpoint.objects.update(held_at=now, held_reason="owner")
            elif change == "move":
                WebhookEndpoint.objects.update(url=f"{endpoint.url}elsewhere")
            else:
                Organization.objects.update(suspended_at=now)
            may_go_on(self)

        monkeypatch.setattr(firing._Fire, "_may_go_on", changed_first)
        fire(run, now)
        assert (run.state, run.why) == ("stopped", why)
        assert len(receiver.received) < 50 * 30

    def test_ends_when_its_worker_is_told_to_stop(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        def stop(_received: Received) -> Reply:
            firing.stop()
            return Reply()

        receiver.decide = stop
        run = fire(start(endpoint, owner, now, seconds=30), now)
        assert (run.state, run.why) == ("stopped", "broken_off")
        start(endpoint, owner, now)
        assert not fire_next(clock=lambda: now)

    def test_that_somebody_ended_meanwhile_writes_nothing_more(
        self,
        endpoint: WebhookEndpoint,
        receiver: Receiver,
        owner: User,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run = start(endpoint, owner, now, seconds=30)
        may_go_on = firing._Fire._may_go_on

        def ended_first(self: Any) -> None:
            end_overdue(now=now + timedelta(hours=1))
            may_go_on(self)

        monkeypatch.setattr(firing._Fire, "_may_go_on", ended_first)
        fire(run, now)
        assert (run.state, run.why, run.sent) == ("stopped", "broken_off", 0)

    def test_has_no_more_requests_on_their_way_than_deliveries_have(
        self, endpoint: WebhookEndpoint, receiver: Receiver, owner: User, now: datetime
    ) -> None:
        at_once, all_there = Barrier(firing.IN_FLIGHT_PER_ENDPOINT), Event()

        def wait(_received: Received) -> Reply:
            if not all_there.is_set():
                at_once.wait()
                all_there.set()
                assert len(receiver.received) == firing.IN_FLIGHT_PER_ENDPOINT
            return Reply()

        receiver.decide = wait
        run = fire(start(endpoint, owner, now), now)
        assert all_there.is_set()
        assert run.answers.keys() == {"2xx"}

    def test_without_a_signing_key_ends_and_says_so(
        self, receiver: Receiver, studio: Organization, owner: User, now: datetime
    ) -> None:
        endpoint = factories.WebhookEndpointFactory(organization=studio, url=receiver.url)
        run = fire(start(endpoint, owner, now), now)
        assert run.answers.keys() == {"drops"}
        assert not receiver.received


class TestStarting:
    def test_is_for_owners_and_developers(
        self, endpoint: WebhookEndpoint, studio: Organization, rival_owner: User, now: datetime
    ) -> None:
        for role in MemberRole:
            actor = factories.MembershipFactory(organization=studio, role=role).user
            if role in (MemberRole.OWNER, MemberRole.DEVELOPER):
                run = start(endpoint, actor, now)
                stop_load_rehearsal(run=run, actor=actor, now=now)
            else:
                with pytest.raises(PermissionDenied):
                    start(endpoint, actor, now)
        with pytest.raises(PermissionDenied):
            start(endpoint, rival_owner, now)
        with pytest.raises(PermissionDenied):
            stop_load_rehearsal(run=run, actor=rival_owner, now=now)
        actions = list(AuditEvent.objects.filter(target_id=endpoint.pk).values_list("action", flat=True))
        assert sorted(actions) == ["endpoint.load_stopped"] * 2 + ["endpoint.load_tested"] * 2

    @pytest.mark.parametrize(
        "state",
        [
            {"verified_at": None},
            {"held_at": factories.NOW, "held_reason": "owner"},
            {"deleted_at": factories.NOW},
            {"failing_since": factories.NOW},
            {"breaker_open_until": factories.NOW},
        ],
    )
    def test_only_an_endpoint_that_takes_claims_is_fired_at(
        self, endpoint: WebhookEndpoint, owner: User, now: datetime, state: dict[str, Any]
    ) -> None:
        WebhookEndpoint.objects.update(**state)
        with pytest.raises(ValidationError) as refused:
            start(endpoint, owner, now)
        assert "endpoint" in refused.value.message_dict

    @pytest.mark.parametrize(
        "fields", [{"rate": 0}, {"rate": 51}, {"rate": -1}, {"seconds": 0}, {"seconds": 31}]
    )
    def test_rate_and_length_are_bounded(
        self, endpoint: WebhookEndpoint, owner: User, now: datetime, fields: dict[str, int]
    ) -> None:
        with pytest.raises(ValidationError) as refused:
            start(endpoint, owner, now, **fields)
        assert refused.value.message_dict.keys() == fields.keys()

    def test_one_at_a_time_and_some_a_day(
        self, endpoint: WebhookEndpoint, owner: User, now: datetime
    ) -> None:
        for _ in range(PER_DAY):
            run = start(endpoint, owner, now)
            with pytest.raises(ValidationError, match=r"under way|At most"):
                start(endpoint, owner, now)
            stop_load_rehearsal(run=run, actor=owner, now=now)
        with pytest.raises(ValidationError, match="At most 10 load rehearsals"):
            start(endpoint, owner, now)
        start(endpoint, owner, now + timedelta(days=1))

    def test_a_run_that_no_worker_took_ends(
        self, endpoint: WebhookEndpoint, owner: User, now: datetime
    ) -> None:
        run = start(endpoint, owner, now)
        later = now + TAKEN_WITHIN
        assert report(run, now=later).why == "no_worker"
        assert not fire_next(clock=lambda: later)
        run.refresh_from_db()
        assert (run.state, run.why) == ("stopped", "no_worker")
        start(endpoint, owner, later)

    def test_a_process_makes_one_run_at_a_time(
        self, endpoint: WebhookEndpoint, owner: User, now: datetime
    ) -> None:
        start(endpoint, owner, now)
        found: list[bool] = []
        with firing._firing:
            thread = Thread(target=lambda: found.append(firing._firing.acquire(blocking=False)))
            thread.start()
            thread.join()
            assert not fire_next(clock=lambda: now)
        assert found == [False]
        assert LoadRehearsal.objects.get().state == "waiting"


class TestVerdict:
    @pytest.mark.parametrize(
        ("rate", "sent", "failed", "expected", "verdict"),
        [
            (40, 400, 0, 18, Verdict.ENOUGH),
            (40, 400, 4, 18, Verdict.ENOUGH),
            (40, 400, 5, 18, Verdict.NOT_ENOUGH),
            (40, 160, 0, 18, Verdict.NOT_ENOUGH),  # 16 a second
            (10, 100, 0, 18, Verdict.NOT_TRIED),
            (50, 500, 0, 90, Verdict.NOT_TRIED),
            (50, 300, 0, 90, Verdict.NOT_ENOUGH),
        ],
    )
    def test_says_whether_it_is_enough(
        self, now: datetime, rate: int, sent: int, failed: int, expected: float, verdict: Verdict
    ) -> None:
        run = LoadRehearsal(
            state="done",
            rate=rate,
            seconds=10,
            until=now,
            sent=sent,
            took_ms=10_000,
            answers={"2xx": sent - failed},
        )
        assert report(run, now=now).verdict(expected) is verdict

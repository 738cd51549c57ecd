"""Copies of webhooks for a developer's own machine: see examples/replay.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.authentication import OrganizationView
from accounts.domain.permissions import DROPS_REPLAY, Action
from accounts.models import parse_ulid
from config.api.envelope import ok
from config.api.schema import documented
from config.api.throttle import AppThrottle, count
from fulfillment.api.serializers import MessageSerializer, ReplayPageSerializer, ReplayQuery
from fulfillment.domain.delivery import replaying, signing
from fulfillment.domain.delivery.replaying import ReplayPage

# The rate that an answer states, and twice that rate before a call is refused.
POLL_AFTER_SECONDS = 2
CALLS_PER_MINUTE = 60


class ReplayThrottle(AppThrottle):
    """Counted apart from the other calls of the app: a script that runs all day takes nothing from its servers."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        client_id = getattr(request.auth, "client_id", None)
        if client_id is None:
            return True
        self.quota = count(f"replay:{client_id}", now=timezone.now(), limit=CALLS_PER_MINUTE)
        request.quota = self.quota  # type: ignore[attr-defined]
        return not self.quota.exceeded


class ReplayView(OrganizationView):
    """Test events, and deliveries of campaigns in test mode. Copies: the webhooks are delivered as ever."""

    needs = DROPS_REPLAY
    action = Action.REPLAY
    throttle_classes = [ReplayThrottle]

    @documented(
        "Webhooks",
        "replay",
        "Test events and deliveries of campaigns in test mode, signed, for a developer's machine",
        ReplayPageSerializer(),
        parameters=[ReplayQuery],
        refusals=(400, 401, 403, 404, 429),
    )
    def get(self, request: Request) -> HttpResponse:
        query = ReplayQuery.read(request.query_params)
        endpoint_id = parse_ulid(query["endpoint_id"]) if query["endpoint_id"] else None
        if query["endpoint_id"] and endpoint_id is None:
            raise NotFound(f"No such endpoint: {query['endpoint_id'][:40]}.")
        with _signing():
            page: ReplayPage = replaying.replay_page(
                organization_id=self.organization_id,
                after=query["cursor"],
                limit=query["limit"],
                endpoint_id=endpoint_id,
                since=timedelta(minutes=query["since_minutes"]),
                now=timezone.now(),
            )
        shown = {"messages": page.messages, "cursor": page.cursor, "poll_after_seconds": POLL_AFTER_SECONDS}
        return ok(ReplayPageSerializer(shown).data)

    @documented(
        "Webhooks",
        "replay_test",
        "A test event, signed, that goes to no endpoint",
        MessageSerializer(),
        refusals=(401, 403, 404, 429),
    )
    def post(self, request: Request) -> HttpResponse:
        with _signing():
            return ok(MessageSerializer(replaying.test_event(now=timezone.now())).data)


@contextmanager
def _signing() -> Iterator[None]:
    try:
        yield
    except signing.NoSigningKey:
        raise NotFound("No signing key has been made yet.") from None

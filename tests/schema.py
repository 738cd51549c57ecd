"""The schema as tests use it: its operations, a world in which its examples work, and calls as they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import time_machine
from django.test import Client

from accounts.domain import links
from accounts.models import MemberRole, OAuthApp, Organization
from config.api.fields import EXAMPLE_ID, EXAMPLE_ULID
from config.api.schema import document
from drops.domain.watch.tokens import issue_watch_token
from fulfillment.api.rehearsals import REHEARSED
from fulfillment.models import Attempt, Delivery
from tests import factories
from tests.api import bearer

METHODS = ("get", "post", "put", "patch", "delete")

Operation = tuple[str, str, dict[str, Any]]


def operations() -> Iterator[Operation]:
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


@contextmanager
def world_of_examples(
    *, studio: Organization, app: OAuthApp, marker: str = ""
) -> Iterator[dict[str, Client]]:
    """Where everything that the examples name exists and belongs to `studio`. Clients by what their token may do.

    `marker` is in every text that `studio` wrote.
    """
    with time_machine.travel(factories.NOW, tick=False):
        viewer = factories.UserFactory(id=EXAMPLE_ID)
        streamer = factories.UserFactory(id=EXAMPLE_ID + 1, username="streamer")
        channel = factories.ChannelFactory(id=EXAMPLE_ID + 1, owner=streamer, slug="streamer")
        factories.ChannelFactory(id=EXAMPLE_ID, owner=viewer)
        category = factories.CategoryFactory(id=EXAMPLE_ID, name="Skyforge Rally", organization=studio)
        campaign = factories.CampaignFactory(
            id=EXAMPLE_ULID,
            organization=studio,
            category=category,
            name=f"Storm season {marker}",
            published_at=factories.NOW,
        )
        reward = factories.RewardFactory(
            id=EXAMPLE_ULID,
            organization=studio,
            category=category,
            name=f"Wings {marker}",
            external_id=f"wings {marker}",
        )
        factories.CampaignRewardFactory(campaign=campaign, reward=reward, required_minutes=60)
        factories.AllowedChannelFactory(campaign=campaign, channel=channel)
        factories.LivestreamFactory(id=EXAMPLE_ID, channel=channel, category=category)
        factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=3600)
        claim = factories.ClaimFactory(id=EXAMPLE_ULID, campaign=campaign, reward=reward, viewer=viewer)
        endpoint = factories.WebhookEndpointFactory(
            organization=studio, url=f"https://studio.example.com/{marker}"
        )
        delivery = Delivery.objects.create(
            id=EXAMPLE_ULID,
            endpoint=endpoint,
            claim=claim,
            event_type="drops.claim.created",
            body=b"{}",
            created_at=factories.NOW,
            next_attempt_at=factories.NOW,
        )
        Attempt.objects.create(
            delivery=delivery, endpoint=endpoint, number=1, trigger="claim", started_at=factories.NOW
        )
        factories.MembershipFactory(organization=studio, user=viewer, role=MemberRole.SUPPORT)
        rehearsed = factories.CampaignFactory(
            id=REHEARSED, organization=studio, category=category, name=f"Trial {marker}", test_mode=True
        )
        factories.CampaignRewardFactory(campaign=rehearsed, reward=reward, required_minutes=60)
        factories.RehearsalFactory(
            id=EXAMPLE_ULID, campaign=rehearsed, reward=reward, viewer=viewer, delivered_to=endpoint
        )
        factories.make_signing_key()
        links.link(viewer=viewer, app=app, now=factories.NOW)
        platform = factories.OAuthAppFactory(organization=None, is_platform=True, client_id="platform")
        watch_token = issue_watch_token(viewer_id=viewer.pk, now=factories.NOW)
        yield {
            "app": bearer(app, scope="drops:write drops:replay"),
            "viewer": bearer(app, user=viewer, scope="user:read channel:read drops:watch drops:claim"),
            "platform": bearer(platform, scope="platform"),
            "player": Client(headers={"authorization": f"Bearer {watch_token}"}),
            "anybody": Client(),
        }


def caller_of(path: str) -> str:
    """Whom of the world's clients the call at `path` is for."""
    callers = {
        "/api/": "viewer",
        "/viewer/v1/beat": "player",
        "/viewer/v1/status": "player",
        "/viewer/": "viewer",
        "/platform/": "platform",
    }
    return next((who for prefix, who in callers.items() if path.startswith(prefix)), "app")


def example_of(parameter: dict[str, Any]) -> Any:
    if examples := parameter.get("examples"):
        return next(iter(examples.values()))["value"]
    schema = parameter["schema"]
    if "items" in schema:
        return schema["items"].get("examples")
    return schema["examples"][0] if "examples" in schema else None


def call(client: Client, path: str, method: str, operation: dict[str, Any], **changes: Any) -> Any:
    """Call the operation as its examples say."""
    query = {}
    for parameter in operation.get("parameters", []):
        value = changes.get(parameter["name"], example_of(parameter))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif parameter["in"] == "query" and value is not None:
            query[parameter["name"]] = value
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = example_of(content) if "examples" in content else None
    return client.generic(
        method.upper(),
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        query_params=query,
    )

"""A viewer with an open socket hears of a claim: that it was made, and that the studio's server took it."""

from __future__ import annotations

import json

import pytest
import redis

from drops.domain.watch import news
from fulfillment.domain.claims.claiming import claim_reward
from tests.fulfillment.receiver import Reply


@pytest.fixture
def heard(valkey_url, settings):
    settings.REDIS_URL = valkey_url
    with redis.from_url(valkey_url) as client, client.pubsub() as pubsub:
        pubsub.subscribe(news.VIEWER)

        def heard(count):
            told = []
            while len(told) < count:
                message = pubsub.get_message(timeout=60)
                assert message is not None
                if message["type"] == "message":
                    told.append(json.loads(message["data"]))
            return told

        yield heard


@pytest.mark.django_db
def test_a_claim_is_told_when_it_is_made_and_when_it_arrives(
    viewer,
    studio,
    campaign,
    reward,
    earned,
    linked,
    endpoint,
    receiver,
    now,
    heard,
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks(execute=True):
        claim = claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
    assert heard(2) == [
        {
            "viewer": viewer.pk,
            "organization": studio.pk,
            "type": "claim",
            "data": {
                "claim_id": claim.pk,
                "campaign_id": campaign.pk,
                "reward_id": reward.pk,
                "status": status,
            },
        }
        for status in ("claimed", "delivered")
    ]


@pytest.mark.django_db
def test_a_claim_that_does_not_arrive_is_told_as_made_alone(
    viewer,
    campaign,
    reward,
    earned,
    linked,
    endpoint,
    receiver,
    now,
    heard,
    django_capture_on_commit_callbacks,
):
    receiver.replies = [Reply(500)]
    with django_capture_on_commit_callbacks(execute=True):
        claim_reward(viewer=viewer, campaign_id=campaign.pk, reward_id=reward.pk, now=now)
        news.tell_viewer(viewer_id=viewer.pk, kind="last", data={}, organization_id="x")
    assert [(told["type"], told["data"].get("status")) for told in heard(2)] == [
        ("claim", "claimed"),
        ("last", None),
    ]

"""A channel that is renamed stays the same channel, at its old address too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from accounts.models import AuditEvent, User
from drops.domain.catalogue import channels
from drops.domain.watch.audiences import PlatformChannel, upsert_channels
from drops.models import Channel, FormerChannelName
from tests import factories
from tests.api import bearer
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def rename(channel: Channel, slug: str, operator: User) -> Channel:
    return channels.rename_channel(channel=channel, slug=slug, reason="A slur", now=NOW, actor=operator)


def test_old_addresses_lead_to_the_channel(
    client: Client, channel: Channel, operator: User, studio_app: Any, campaign: Any
) -> None:
    first = channel.slug
    factories.AllowedChannelFactory(campaign=campaign, channel=channel)
    factories.LivestreamFactory(channel=channel)
    rename(channel, "Second", operator)
    rename(channel, "third", operator)
    for old in (first, first.upper(), "second"):
        assert client.get(f"/channels/{old}/").headers["Location"] == "/channels/third/"
        assert client.get(f"/api/v2/channels/{old}").json()["slug"] == "third"
        assert (
            bearer(studio_app).get("/public/v1/channels", {"slug": old}).json()["data"][0]["slug"] == "third"
        )
    assert client.get("/channels/third/").status_code == 200
    assert campaign.allowed_channels.get().channel.slug == "third"
    assert client.get("/channels/never/").status_code == 404
    event = AuditEvent.objects.filter(action="channel.renamed").earliest("id")
    assert event.data == {"before": first, "after": "second", "explanation": "A slur"}


def test_nobody_else_takes_an_old_address_and_the_channel_may_have_it_back(
    channel: Channel, operator: User, stranger: User
) -> None:
    first = channel.slug
    rename(channel, "second", operator)
    with pytest.raises(ValidationError, match="another channel's"):
        channels.create_channel(owner=stranger, slug=first, description="", now=NOW)
    other = factories.ChannelFactory()
    with pytest.raises(ValidationError, match="another channel's"):
        rename(other, first, operator)
    rename(channel, first, operator)
    assert list(FormerChannelName.objects.values_list("slug", flat=True)) == ["second"]


@pytest.mark.parametrize("slug", ["", "has space", "ümlaut", "a" * 51, "a/b", "drops", "support", "x\x00y"])
def test_an_address_that_cannot_be_is_refused(channel: Channel, operator: User, slug: str) -> None:
    with pytest.raises(ValidationError):
        rename(channel, slug, operator)
    assert not FormerChannelName.objects.exists()


def test_an_address_that_is_taken_or_the_same_is_refused(channel: Channel, operator: User) -> None:
    taken = factories.ChannelFactory(slug="taken")
    for slug in (taken.slug, taken.slug.upper(), channel.slug):
        with pytest.raises(ValidationError):
            rename(channel, slug, operator)


def test_only_operators_rename_and_only_who_is_there(
    channel: Channel, streamer: User, operator: User
) -> None:
    with pytest.raises(PermissionDenied):
        rename(channel, "second", streamer)
    User.objects.filter(pk=channel.owner_id).update(deleted_at=NOW)
    with pytest.raises(PermissionDenied):
        rename(channel, "second", operator)
    assert channels.why_not_rename(Channel.objects.get(pk=channel.pk), NOW)


def test_the_platform_renames_too_and_its_word_counts(
    channel: Channel, streamer: User, stranger: User
) -> None:
    app = factories.OAuthAppFactory(organization=None, is_platform=True)
    first = channel.slug
    upsert_channels(channels=[PlatformChannel(streamer.pk, "second", "")], now=NOW, actor=app)
    assert channels.channel_by_name(first) == channel
    upsert_channels(
        channels=[PlatformChannel(stranger.pk, first, "")], now=NOW + timedelta(days=1), actor=app
    )
    found = channels.channel_by_name(first)
    assert found is not None
    assert found.owner == stranger


def test_a_deleted_account_leaves_no_former_name(channel: Channel, streamer: User, operator: User) -> None:
    first = channel.slug
    rename(channel, "second", operator)
    channels.empty_channel(user=streamer, now=NOW)
    assert channels.channel_by_name(first) is None
    assert channels.channel_by_name("x\x00") is None


def test_a_campaign_by_api_knows_an_old_name(
    channel: Channel, operator: User, studio_app: Any, category: Any
) -> None:
    first = channel.slug
    rename(channel, "second", operator)
    attached = factories.CampaignRewardFactory(
        campaign__organization=studio_app.organization,
        campaign__category=category,
        campaign__published_at=None,
    )
    answer = bearer(studio_app, scope="drops:write").patch(
        f"/public/v1/drops/campaigns/{attached.campaign_id}",
        {"channels": [first, "second"]},
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.json()
    assert answer.json()["data"]["channels"] == ["second"]

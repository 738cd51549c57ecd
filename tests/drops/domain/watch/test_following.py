"""What open sockets are told is read for many viewers and channels at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from drops.domain.watch.beats import Beat
from drops.domain.watch.credit import credit
from drops.domain.watch.following import on_channels, watching
from drops.domain.watch.status import status_of
from drops.models import Campaign
from drops.models.fields import to_ms
from tests import factories
from tests.factories import NOW


def watch(viewers, channel, *minutes):
    for minute in minutes:
        at = NOW + timedelta(minutes=minute)
        credit([Beat(viewer.pk, channel.pk, to_ms(at)) for viewer in viewers], now=at)


@pytest.fixture
def wings(campaign):
    return factories.CampaignRewardFactory(campaign=campaign, required_minutes=1, reward__name="Wings")


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_viewers(channel, live, wings, django_assert_num_queries, count):
    viewers = factories.UserFactory.create_batch(count)
    watch(viewers, channel, 0, 1)
    with django_assert_num_queries(5):
        found = watching(viewer_ids=[viewer.pk for viewer in viewers], now=NOW + timedelta(minutes=1))
    assert [each.earning[0].seconds for each in found.values()] == [60] * count


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_channels(campaign, category, django_assert_num_queries, count):
    streams = factories.LivestreamFactory.create_batch(count, category=category)
    with django_assert_num_queries(10):
        found = on_channels(channel_ids=[stream.channel_id for stream in streams], now=NOW)
    assert {channel_id: state.livestream_id for channel_id, state in found.items()} == {
        stream.channel_id: stream.pk for stream in streams
    }


def test_what_a_viewer_watches_and_earns(viewer, stranger, channel, live, wings, campaign):
    elsewhere = factories.LivestreamFactory(category=live.category).channel
    watch([viewer], channel, 0, 1)
    watch([viewer], elsewhere, 1)
    now = NOW + timedelta(minutes=1)
    found = watching(viewer_ids=[viewer.pk, stranger.pk, 2**40], now=now)

    assert found.keys() == {viewer.pk, stranger.pk}
    assert found[stranger.pk] == ({}, {}, [])
    here = found[viewer.pk]
    assert here.reasons == {channel.pk: None, elsewhere.pk: "other_stream_active"}
    for each in (channel, elsewhere):
        assert here.texts[each.pk] == status_of(viewer=viewer, channel=each, now=now).text
    (earning,) = here.earning
    assert (earning.campaign_id, earning.organization_id) == (campaign.pk, campaign.organization_id)
    assert (earning.name, earning.seconds) == (campaign.name, 60)
    assert earning.thresholds == [(wings.reward_id, "Wings", 1)]


def test_nothing_is_told_of_who_has_been_silent_and_of_closed_accounts(viewer, channel, live, campaign):
    watch([viewer], channel, 0, 1)
    assert watching(viewer_ids=[viewer.pk], now=NOW + timedelta(minutes=4)) == {viewer.pk: ({}, {}, [])}
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert watching(viewer_ids=[viewer.pk], now=NOW + timedelta(minutes=1)) == {}


def test_a_campaign_without_rewards_earns_nothing_to_tell(viewer, channel, live, campaign):
    watch([viewer], channel, 0, 1)
    assert watching(viewer_ids=[viewer.pk], now=NOW + timedelta(minutes=1))[viewer.pk].earning == []


def test_the_pulse_is_another_once_anything_is(channel, live, campaign):
    def pulse(now=NOW):
        return on_channels(channel_ids=[channel.pk], now=now)[channel.pk].pulse

    first = pulse()
    assert pulse(NOW + timedelta(minutes=1)) == first
    live.title = "Something else"
    live.save()
    second = pulse()
    Campaign.objects.filter(pk=campaign.pk).update(ends_at=NOW)
    assert len({first, second, pulse()}) == 3
    assert on_channels(channel_ids=[2**40], now=NOW) == {}

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

import pytest

from accounts.models import User
from drops.domain.campaigns import participation, reading
from tests import factories


def test_streams_of_a_campaign_and_campaigns_of_a_stream_are_the_same_rule(db: None, now: datetime):
    game, other_game = factories.CategoryFactory.create_batch(2)
    channels = [
        factories.ChannelFactory(opted_out_at=opted_out) for opted_out in (None, now) for _ in range(6)
    ]
    streams = [
        factories.LivestreamFactory(channel=channel, category=category)
        for channel, category in zip(channels, [game, other_game, None] * 4, strict=True)
    ]
    campaigns = []
    for category, allowed in product((game, other_game, None), ([], channels[::2])):
        campaign = factories.CampaignFactory(category=category)
        for channel in allowed:
            factories.AllowedChannelFactory(campaign=campaign, channel=channel)
        campaigns.append(campaign)

    by_stream = participation.campaigns_on(streams, now=now, viewer=None)

    counting = {(campaign, stream) for stream in streams for campaign in by_stream[stream.pk]}
    assert counting == {
        (campaign, stream) for campaign in campaigns for stream in participation.livestreams_for(campaign)
    }
    assert 0 < len(counting) < len(campaigns) * len(streams)
    best = {campaign: participation.livestreams_for(campaign).first() for campaign in campaigns}
    assert participation.best_streams(campaigns, viewer=factories.UserFactory()) == {
        campaign.pk: stream for campaign, stream in best.items() if stream
    }
    (campaign, stream), *_ = best.items()
    found = participation.best_streams([campaign], viewer=stream.channel.owner)
    assert found[campaign.pk] == participation.livestreams_for(campaign)[1]


def test_test_mode_counts_on_a_stream_for_members_only(
    member: User, viewer: User, category: object, now: datetime
):
    campaign = factories.CampaignFactory(
        category=category, organization=member.memberships.get().organization, test_mode=True
    )
    stream = factories.LivestreamFactory(category=category)
    assert participation.campaigns_on([stream], now=now, viewer=member) == {stream.pk: [campaign]}
    assert participation.campaigns_on([stream], now=now, viewer=viewer) == {stream.pk: []}
    assert participation.campaigns_on([stream], now=now, viewer=None) == {stream.pk: []}


@pytest.mark.parametrize(
    ("seconds", "minutes", "earned"), [(0, [0, 0], 0), (59, [0, 0], 0), (60, [1, 1], 1), (7260, [1, 120], 2)]
)
def test_thresholds_are_marks_on_one_counter(
    viewer: User, now: datetime, seconds: int, minutes: list[int], earned: int
):
    campaign = factories.CampaignFactory()
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=120)
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=1)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=seconds)
    [card] = reading.campaign_cards([campaign], now=now, viewer=viewer)
    assert [threshold.minutes for threshold in card.thresholds] == minutes
    assert card.earned_count == earned
    assert card.minutes == seconds // 60
    assert (card.next_threshold is None) == (earned == 2)


@pytest.mark.parametrize(
    ("left", "too_late", "last_in_reach"),
    [
        (timedelta(minutes=100), [False, False, False], 110),
        (timedelta(minutes=100, seconds=-1), [False, False, True], 60),
        (timedelta(minutes=50), [False, False, True], 60),
        (timedelta(minutes=49), [False, True, True], None),
        (timedelta(0), [False, False, False], None),
    ],
)
def test_what_can_still_be_earned_fits_into_the_time_that_is_left(
    viewer: User, now: datetime, left: timedelta, too_late: list[bool], last_in_reach: int | None
):
    """Ten minutes have been watched."""
    campaign = factories.CampaignFactory(ends_at=now + left)
    for required in (10, 60, 110):
        factories.CampaignRewardFactory(campaign=campaign, required_minutes=required)
    factories.ProgressFactory(viewer=viewer, campaign=campaign, seconds=600)
    [card] = reading.campaign_cards([campaign], now=now, viewer=viewer)
    assert card.left == left
    assert [threshold.too_late for threshold in card.thresholds] == too_late
    last = card.last_in_reach
    assert (last and last.required_minutes) == last_in_reach


def test_before_a_campaign_begins_nothing_is_too_late(db: None, now: datetime):
    campaign = factories.CampaignFactory(starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=2))
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=60)
    [card] = reading.campaign_cards([campaign], now=now, viewer=None)
    assert card.left == timedelta(0)
    assert not card.thresholds[0].too_late

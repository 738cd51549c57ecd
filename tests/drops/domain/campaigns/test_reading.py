from __future__ import annotations

from datetime import datetime
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

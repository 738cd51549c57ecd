"""Watch time counts by what the campaign, the stream and the streamer allow at that moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from drops.domain.campaigns.lifecycle import change_campaign, end_campaign
from drops.domain.campaigns.plans import plan_of
from drops.domain.catalogue import livestreams
from drops.domain.watch.history import look_up
from drops.domain.watch.status import status_of
from drops.models import Reason
from tests.drops.domain.watch.crediting import beats, rows_of, seconds_of
from tests.factories import (
    NOW,
    AllowedChannelFactory,
    CampaignFactory,
    ChannelFactory,
    LivestreamFactory,
)

pytestmark = pytest.mark.django_db


def test_only_the_part_inside_the_campaign_counts(viewer, channel, live, studio, category):
    starting = CampaignFactory(organization=studio, category=category, starts_at=NOW + timedelta(seconds=20))
    ending = CampaignFactory(organization=studio, category=category, ends_at=NOW + timedelta(seconds=40))
    beats(viewer, channel, 0, 60)

    assert (seconds_of(viewer, starting), seconds_of(viewer, ending)) == (40, 40)
    assert [row[2] for row in rows_of(viewer)] == [20, 20, 20]


def test_a_change_of_category_counts_from_that_moment(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    livestreams.change_livestream(
        livestream=live, category=None, title="", now=NOW + timedelta(seconds=40), actor=None
    )
    beats(viewer, channel, 60)
    livestreams.change_livestream(
        livestream=live, category=campaign.category, title="", now=NOW + timedelta(seconds=70), actor=None
    )
    beats(viewer, channel, 120)

    assert seconds_of(viewer, campaign) == 40 + 50
    assert [row[1:] for row in rows_of(viewer)] == [("", 40), (Reason.WRONG_CATEGORY, 0), ("", 50)]


def test_the_end_of_the_stream_takes_nothing_earned_away(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    livestreams.end_livestream(livestream=live, now=NOW + timedelta(seconds=50), actor=None)
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 50
    assert rows_of(viewer)[-1][1] == Reason.STREAM_OFFLINE


def test_a_streamer_who_opts_out_is_left_by_global_campaigns_only(
    viewer, channel, live, campaign, studio, category
):
    listed = CampaignFactory(organization=studio, category=category)
    AllowedChannelFactory(campaign=listed, channel=channel)
    beats(viewer, channel, 0)
    livestreams.set_opt_out(channel=channel, opted_out=True, now=NOW + timedelta(seconds=30), actor=None)
    beats(viewer, channel, 60)
    livestreams.set_opt_out(channel=channel, opted_out=False, now=NOW + timedelta(seconds=70), actor=None)
    beats(viewer, channel, 120)

    assert (seconds_of(viewer, campaign), seconds_of(viewer, listed)) == (30 + 50, 120)


def test_a_campaign_that_is_withdrawn_counts_until_then(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    campaign.withdrawn_at = NOW + timedelta(seconds=25)
    campaign.save()
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 25
    assert rows_of(viewer)[-1][1] == Reason.CAMPAIGN_NOT_LIVE


def test_a_campaign_that_is_ended_counts_until_then(viewer, channel, live, campaign):
    beats(viewer, channel, 0)
    end_campaign(campaign=campaign, now=NOW + timedelta(seconds=25), actor=None)
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 25
    assert rows_of(viewer)[-1][1] == Reason.CAMPAIGN_NOT_LIVE


def test_an_edited_allow_list_counts_for_what_follows(viewer, channel, live, campaign):
    elsewhere = ChannelFactory()
    beats(viewer, channel, 0)
    plan = replace(plan_of(campaign), channels=(elsewhere,))
    change_campaign(campaign=campaign, plan=plan, now=NOW + timedelta(seconds=45), actor=None)
    beats(viewer, channel, 60)

    assert seconds_of(viewer, campaign) == 45
    assert rows_of(viewer)[-1][1] == Reason.NOT_ALLOW_LISTED


def test_a_campaign_without_a_category_counts_any(viewer, channel, studio):
    anything = CampaignFactory(organization=studio, category=None)
    LivestreamFactory(channel=channel, category=None)
    beats(viewer, channel, 0, 60)

    assert seconds_of(viewer, anything) == 60


def test_a_campaign_in_test_mode_counts_for_members_only(viewer, member, channel, live, studio, category):
    tested = CampaignFactory(organization=studio, category=category, test_mode=True)
    for who in (viewer, member):
        beats(who, channel, 0, 60)

    assert (seconds_of(viewer, tested), seconds_of(member, tested)) == (0, 60)
    assert rows_of(viewer) == [("streamer", Reason.TEST_MODE, 0)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"published_at": None}, Reason.CAMPAIGN_NOT_LIVE),
        ({"ends_at": NOW - timedelta(hours=1)}, Reason.CAMPAIGN_NOT_LIVE),
        ({"starts_at": NOW + timedelta(hours=1)}, Reason.CAMPAIGN_NOT_LIVE),
    ],
)
def test_a_campaign_that_is_not_live_counts_nothing(viewer, channel, live, campaign, change, reason):
    for name, value in change.items():
        setattr(campaign, name, value)
    campaign.save()
    beats(viewer, channel, 0, 60)

    assert rows_of(viewer) == [("streamer", reason, 0)]


@pytest.mark.parametrize("change", [{"suspended_at": NOW - timedelta(hours=1)}, {"approved_at": None}])
def test_a_studio_that_is_not_active_has_no_live_campaign(viewer, channel, live, campaign, studio, change):
    type(studio).objects.filter(pk=studio.pk).update(**change)
    beats(viewer, channel, 0, 60)

    assert seconds_of(viewer, campaign) == 0


def test_a_streamer_earns_nothing_on_the_own_channel(viewer, streamer, channel, live, campaign):
    for who in (viewer, streamer):
        beats(who, channel, 0, 60, 120)

    assert (seconds_of(viewer, campaign), seconds_of(streamer, campaign)) == (120, 0)
    assert rows_of(streamer) == [("streamer", Reason.OWN_CHANNEL, 0)]
    status = status_of(viewer=streamer, channel=channel, now=NOW + timedelta(seconds=121))
    assert (status.counting, status.reason, status.campaigns) == (False, Reason.OWN_CHANNEL, ())
    (seen,) = look_up(organization=campaign.organization, viewer_id=streamer.pk, since=NOW)
    assert (seen.campaign, seen.reason) == (campaign, Reason.OWN_CHANNEL)


def test_the_own_channel_does_not_hold_the_session(streamer, channel, live, campaign, category):
    """Its streamer earns on another channel at the same time."""
    other = LivestreamFactory(category=category).channel
    beats(streamer, channel, 0, 60)
    beats(streamer, other, 0, 60)

    assert seconds_of(streamer, campaign) == 60

"""Many at once: beats of one viewer and new channels, credited by several connections on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from drops.domain.campaigns import lifecycle, plans
from drops.domain.watch.beats import Beat
from drops.domain.watch.credit import credit
from drops.domain.watch.terms import Counted
from drops.models import Progress, WatchHour, WatchInterval
from drops.models.fields import to_ms
from tests.drops.domain.watch import recompute
from tests.factories import NOW, CampaignFactory, CampaignRewardFactory, LivestreamFactory, UserFactory

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

AT_ONCE = 8


def all_at_once(*work):
    """Each is a batch of beats, or something else to do."""

    def run(each):
        try:
            each() if callable(each) else credit(each, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(run, work))


def test_the_same_beats_from_many_connections_count_once(studio, category):
    campaign = CampaignFactory(organization=studio, category=category)
    stream = LivestreamFactory(category=category)
    viewer = UserFactory()
    for minute in range(5):
        moment = to_ms(NOW + timedelta(minutes=minute))
        all_at_once(*[[Beat(viewer.pk, stream.channel_id, moment)]] * AT_ONCE)

    assert Progress.objects.values_list("campaign", "seconds").get() == (campaign.pk, 240)
    assert WatchInterval.objects.count() == 1


def test_batches_that_share_viewers_and_meet_new_channels_wait_for_each_other(studio, category):
    CampaignFactory(organization=studio, category=category)
    viewers = [UserFactory().pk for _ in range(20)]
    channels = [LivestreamFactory(category=category).channel_id for _ in range(6)]
    for minute in range(4):
        moment = to_ms(NOW + timedelta(minutes=minute))
        all_at_once(
            *[
                # Each in another order: they would wait in a circle if the locks had none.
                [
                    Beat(viewer, channels[(viewer + turn) % 6], moment + turn)
                    for viewer in (viewers[turn:] + viewers[:turn])
                ]
                for turn in range(AT_ONCE)
            ]
        )

    assert Progress.objects.count() == 20
    assert max(Progress.objects.values_list("seconds", flat=True)) <= 180
    assert WatchHour.objects.aggregate(Sum("seconds")) == {
        "seconds__sum": Progress.objects.aggregate(total=Sum("seconds"))["total"]
    }
    assert recompute.watch_hours() == recompute.stored_watch_hours()


def test_nobody_is_missed_who_is_credited_while_a_threshold_is_lowered(studio, category):
    """Without a lock a viewer is past the new threshold in nobody's eyes: credited by the old one, and not there
    yet when the others are counted."""
    channel = LivestreamFactory(category=category).channel_id
    viewers = [UserFactory().pk for _ in range(40)]
    for turn in range(5):
        campaign = CampaignFactory(organization=studio, category=category)
        attached = CampaignRewardFactory(campaign=campaign, required_minutes=3)
        began = to_ms(NOW + timedelta(hours=turn))
        for second in (0, 60, 119):
            credit([Beat(viewer, channel, began + second * 1000) for viewer in viewers], now=NOW)

        def lower(campaign=campaign):
            (entry,) = plans.plan_of(campaign).rewards
            lifecycle.amend_campaign(
                campaign=campaign,
                changes={"rewards": (entry._replace(required_minutes=2),)},
                now=NOW,
                actor=None,
            )

        all_at_once(
            *[[Beat(viewer, channel, began + 125_000)] for viewer in viewers[: len(viewers) // 2]],
            lower,
            *[[Beat(viewer, channel, began + 125_000)] for viewer in viewers[len(viewers) // 2 :]],
        )

        key = Counted(campaign.pk, False), attached.reward_id
        assert recompute.stored_qualified()[key] == recompute.qualified()[key] == len(viewers)

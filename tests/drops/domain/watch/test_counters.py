"""The counters of watch time: test mode is counted apart, and a lower threshold is reached at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import User
from drops.domain.campaigns import lifecycle, plans
from drops.domain.watch import figures
from drops.domain.watch.beats import Beat
from drops.domain.watch.credit import credit
from drops.models import Campaign, Channel, Livestream, Progress, RewardHour, WatchHour
from drops.models.fields import to_ms
from tests.drops.domain.watch import recompute
from tests.drops.domain.watch.crediting import beats
from tests.factories import NOW, CampaignRewardFactory, ProgressFactory, RewardFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tested(campaign: Campaign) -> Campaign:
    campaign.test_mode = True
    campaign.save()
    return campaign


def change(campaign: Campaign, second: int, **changes: object) -> None:
    at = NOW + timedelta(seconds=second)
    lifecycle.amend_campaign(campaign=campaign, changes=changes, now=at, actor=None)


def lower(campaign: Campaign, second: int, minutes: int) -> None:
    rewards = plans.plan_of(campaign).rewards
    change(campaign, second, rewards=tuple(entry._replace(required_minutes=minutes) for entry in rewards))


def figures_of(campaign: Campaign, *, test: bool) -> tuple[int, int, dict[str, int]]:
    of_all = figures.totals([campaign], test=test)[campaign.pk]
    return of_all.seconds, of_all.viewers, dict(figures.viewers_qualified(campaign=campaign, test=test))


def test_what_is_watched_in_test_mode_is_in_no_figure(
    member: User, channel: Channel, live: Livestream, tested: Campaign
) -> None:
    reward = CampaignRewardFactory(campaign=tested, required_minutes=2).reward
    beats(member, channel, 0, 60, 120)
    assert figures_of(tested, test=False) == (0, 0, {})

    change(tested, 130, test_mode=False)
    beats(member, channel, 180, 200)

    assert figures_of(tested, test=True) == (130, 1, {reward.pk: 1})
    assert figures_of(tested, test=False) == (70, 1, {})
    assert [day.minutes for day in figures.by_day(tested)] == [1]
    assert [(row.seconds, row.new_viewers) for row in figures.by_channel(tested, limit=5)] == [(70, 1)]
    # In the same hour on the same channel: one viewer in each mode.
    assert sorted(WatchHour.objects.values_list("test", "seconds", "viewers", "new_viewers")) == [
        (False, 70, 1, 1),
        (True, 130, 1, 1),
    ]
    # The member keeps all of it.
    assert Progress.objects.values_list("seconds", "test_seconds").get() == (200, 130)

    beats(member, channel, 260)
    assert figures_of(tested, test=False) == (130, 1, {reward.pk: 1})


def test_a_beat_of_test_mode_that_is_credited_later_is_in_no_figure(
    member: User, channel: Channel, live: Livestream, tested: Campaign
) -> None:
    change(tested, 90, test_mode=False)
    credit(
        [Beat(member.pk, channel.pk, to_ms(NOW) + second * 1000) for second in (0, 60, 120)],
        now=NOW + timedelta(seconds=200),
    )

    assert figures_of(tested, test=True)[:2] == (90, 1)
    assert figures_of(tested, test=False)[:2] == (30, 1)


def test_test_mode_of_one_campaign_is_public_time_of_another(
    member: User, channel: Channel, live: Livestream, tested: Campaign
) -> None:
    CampaignRewardFactory(campaign__organization=tested.organization, campaign__category=tested.category)
    beats(member, channel, 0, 60)

    assert sorted(WatchHour.objects.values_list("campaign__test_mode", "test", "seconds")) == [
        (False, False, 60),
        (True, True, 60),
    ]


@pytest.fixture
def audience(campaign: Campaign) -> Callable[..., None]:
    def watched(*seconds: int, test_seconds: int = 0) -> None:
        for each in seconds:
            ProgressFactory(campaign=campaign, seconds=each, test_seconds=test_seconds)

    return watched


def test_who_is_past_a_lowered_threshold_has_reached_it(campaign: Campaign, audience) -> None:
    reward = CampaignRewardFactory(campaign=campaign, required_minutes=3).reward
    audience(59, 119, 120, 179)
    audience(130, test_seconds=60)  # only with what was watched in test mode
    lower(campaign, 3700, 2)

    (row,) = RewardHour.objects.all()
    assert (row.reward, row.channel, row.hour, row.test) == (reward, None, NOW + timedelta(hours=1), False)
    assert row.qualified == 2
    lower(campaign, 3800, 2)  # the same again
    assert dict(figures.viewers_qualified(campaign=campaign)) == {reward.pk: 2}
    lower(campaign, 3900, 1)
    # 59 seconds are not enough; 130 seconds without the 60 of test mode are.
    assert dict(figures.viewers_qualified(campaign=campaign)) == {reward.pk: 4}
    assert dict(figures.viewers_qualified(campaign=campaign, test=True)) == {reward.pk: 1}


def test_who_is_past_a_new_reward_has_reached_it(campaign: Campaign, audience) -> None:
    CampaignRewardFactory(campaign=campaign, required_minutes=5)
    audience(60, 600)
    new = RewardFactory(organization=campaign.organization, category=campaign.category)
    present = plans.plan_of(campaign).rewards
    change(campaign, 0, rewards=(*present, plans.RewardPlan(new, 2, 2)))

    assert dict(figures.viewers_qualified(campaign=campaign)) == {new.pk: 1}


def test_who_reaches_a_lowered_threshold_later_is_counted_once(
    viewer: User, stranger: User, channel: Channel, live: Livestream, campaign: Campaign
) -> None:
    reward = CampaignRewardFactory(campaign=campaign, required_minutes=3).reward
    beats(viewer, channel, 0, 60, 120)
    beats(stranger, channel, 0, 60)
    lower(campaign, 125, 2)
    beats(viewer, channel, 180, 240)
    beats(stranger, channel, 130)

    assert dict(figures.viewers_qualified(campaign=campaign)) == {reward.pk: 2}
    assert recompute.qualified() == recompute.stored_qualified()

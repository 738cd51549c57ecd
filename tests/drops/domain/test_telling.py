"""Viewers are told of phase changes: in batches, once each, and of what is still so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accounts.domain.notices import viewers
from accounts.models import Notice, NoticeSwitch, User
from drops.domain import following, telling
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import Campaign, Progress, Telling
from tests import factories
from tests.factories import NOW
from tests.mails import recipients, send_notices

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def campaign() -> Campaign:
    """Announced at NOW, live a day later."""
    campaign = factories.CampaignFactory(
        announces_at=NOW, starts_at=NOW + DAY, ends_at=NOW + 5 * DAY, closes_at=NOW + 8 * DAY
    )
    factories.CampaignRewardFactory(campaign=campaign, required_minutes=60)
    return campaign


def follower_of(*things: object) -> User:
    viewer = factories.UserFactory()
    for thing in things:
        following.follow(viewer=viewer, thing=thing, now=NOW)
    return viewer


def run(now: datetime) -> None:
    """The clock's tasks, twice over."""
    for _twice in range(2):
        note_phase_changes(now=now)
        telling.go_on(clock=lambda: now)


def told(kind: str) -> list[int]:
    return sorted(Notice.objects.filter(for_viewer=True, kind=kind).values_list("user", flat=True))


def test_followers_of_each_thing_are_told_once(campaign: Campaign) -> None:
    channel = factories.AllowedChannelFactory(campaign=campaign).channel
    other = factories.AllowedChannelFactory(campaign=campaign).channel
    found = [
        follower_of(campaign),
        follower_of(campaign.organization),
        follower_of(campaign.category),
        follower_of(channel),
        follower_of(other, channel),
        follower_of(campaign, campaign.organization, campaign.category, channel),
    ]
    follower_of(factories.CampaignFactory(published_at=None), factories.ChannelFactory())
    run(NOW)
    run(campaign.starts_at)
    ids = sorted(viewer.pk for viewer in found)
    assert told("viewer_announced") == told("viewer_started") == ids
    assert not Telling.objects.filter(done_at=None).exists()


def test_the_last_day_is_told_to_those_with_more_to_earn(campaign: Campaign) -> None:
    begun, done = (
        factories.ProgressFactory(campaign=campaign, seconds=seconds).viewer for seconds in (100, 3600)
    )
    follower = follower_of(campaign)
    run(campaign.ends_at - DAY)
    assert told("viewer_last_day") == sorted([begun.pk, follower.pk])
    assert done.pk not in told("viewer_last_day")


def test_claims_that_close_are_told_to_those_with_something_unclaimed(campaign: Campaign) -> None:
    (attached,) = campaign.campaign_rewards.all()
    waiting, claimed, claimed_later = (
        factories.ProgressFactory(campaign=campaign, seconds=3600).viewer for _ in range(3)
    )
    factories.ProgressFactory(campaign=campaign, seconds=3599)
    factories.ClaimFactory(campaign=campaign, reward=attached.reward, viewer=claimed)
    run(campaign.closes_at - DAY)
    assert told("viewer_last_chance") == sorted([waiting.pk, claimed_later.pk])
    # Who claims before the mail goes out gets none.
    factories.ClaimFactory(campaign=campaign, reward=attached.reward, viewer=claimed_later)
    assert recipients(send_notices(campaign.closes_at - DAY)) == [waiting.email]


def test_nothing_is_told_that_is_no_longer_so(campaign: Campaign) -> None:
    follower_of(campaign)
    note_phase_changes(now=NOW)
    assert Telling.objects.filter(done_at=None).exists()
    telling.go_on(clock=lambda: campaign.starts_at)
    assert told("viewer_announced") == []
    note_phase_changes(now=campaign.starts_at)
    campaign.refresh_from_db()
    campaign.withdrawn_at = campaign.starts_at
    campaign.save()
    telling.go_on(clock=lambda: campaign.starts_at)
    assert told("viewer_started") == []
    assert not Telling.objects.filter(done_at=None).exists()


@pytest.mark.parametrize("field", ["test_mode", "suspended"])
def test_what_is_not_public_is_told_to_nobody(campaign: Campaign, field: str) -> None:
    follower_of(campaign, campaign.organization)
    if field == "test_mode":
        campaign.test_mode = True
        campaign.save()
    else:
        campaign.organization.suspended_at = NOW
        campaign.organization.save()
    run(NOW)
    assert told("viewer_announced") == []
    assert not Telling.objects.exists()


def test_after_an_outage_viewers_hear_only_of_what_is_still_so(campaign: Campaign) -> None:
    follower_of(campaign)
    run(campaign.starts_at + 3 * DAY)
    assert told("viewer_announced") == []
    assert len(told("viewer_started")) == 1


class KilledError(BaseException):
    pass


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "BATCH", 3)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.django_db(transaction=True)
def test_batches_go_on_after_a_kill_and_tell_nobody_twice(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = sorted(factories.ProgressFactory(campaign=campaign, seconds=3600).viewer_id for _ in range(10))
    now = campaign.closes_at - DAY
    note_phase_changes(now=now)
    tell, calls = viewers.tell, 0

    def dying(*args: object, **more: object) -> int:
        nonlocal calls
        count = tell(*args, **more)  # type: ignore[arg-type]
        calls += 1
        if calls % 2 == 0:
            raise KilledError
        return count

    with monkeypatch.context() as patch:
        patch.setattr(viewers, "tell", dying)
        for _run in range(3):
            with pytest.raises(KilledError):
                telling.go_on(clock=lambda: now)
    assert len(told("viewer_last_chance")) < len(ids)
    telling.go_on(clock=lambda: now)
    assert told("viewer_last_chance") == ids
    assert Telling.objects.get(audience="unclaimed").told == 10


def test_a_batch_costs_the_same_for_one_and_for_many(
    campaign: Campaign, django_assert_max_num_queries: object
) -> None:
    for count in (1, 30):
        for viewer in [factories.ProgressFactory(campaign=campaign, seconds=3600) for _ in range(count)]:
            assert isinstance(viewer, Progress)
    note_phase_changes(now=campaign.closes_at - DAY)
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        telling.go_on(clock=lambda: campaign.closes_at - DAY)
    assert len(told("viewer_last_chance")) == 31


def test_each_viewer_is_told_as_each_wants(campaign: Campaign) -> None:
    here, mailed, neither = (follower_of(campaign) for _ in range(3))
    for viewer, code in ((here, ""), (mailed, "here:"), (neither, ""), (neither, "here:")):
        NoticeSwitch.objects.create(user=viewer, kind=f"{code}viewer_announced", is_on=False, changed_at=NOW)
    run(NOW)
    assert told("viewer_announced") == sorted([here.pk, mailed.pk])
    assert recipients(send_notices(NOW)) == [mailed.email]
    assert [len(viewers.page_of(user=each, before=None)[0]) for each in (here, mailed, neither)] == [1, 0, 0]

"""The promise log: what viewers were promised, written down with each change, each entry chained to the one before."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import OAuthApp, Organization, User
from drops.domain.campaigns import promises
from drops.domain.campaigns.lifecycle import (
    amend_campaign,
    end_campaign,
    publish_campaign,
    withdraw_campaign,
)
from drops.domain.campaigns.plans import RewardPlan, plan_of
from drops.domain.catalogue.rewards import amend_reward
from drops.models import AllowedChannel, Campaign, Category, Promise
from tests import factories
from tests.factories import NOW


@pytest.fixture
def campaign(studio: Organization, category: Category, studio_app: OAuthApp) -> Campaign:
    """Live."""
    made: Campaign = factories.CampaignFactory(organization=studio, category=category, name="Storm season")
    reward = factories.RewardFactory(organization=studio, category=category, name="Cape")
    factories.CampaignRewardFactory(campaign=made, reward=reward)
    return made


def entries(campaign: Campaign) -> list[dict[str, Any]]:
    return [json.loads(promise.text) for promise in campaign.promises.order_by("number")]


def events(campaign: Campaign) -> list[str]:
    return [entry["event"] for entry in entries(campaign)]


def test_a_campaign_of_before_begins_with_what_is_true_now(campaign: Campaign) -> None:
    assert promises.begin_logs(now=NOW) == 1
    assert promises.begin_logs(now=NOW) == 0
    (entry,) = entries(campaign)
    attached = campaign.campaign_rewards.get()
    assert entry == {
        "campaign_id": campaign.pk,
        "number": 1,
        "at": "2026-11-20T12:00:00Z",
        "event": "began",
        "previous": "",
        "promise": {
            "name": "Storm season",
            "category": campaign.category.name if campaign.category else None,
            "announces_at": "2026-11-17T12:00:00Z",
            "starts_at": "2026-11-19T12:00:00Z",
            "ends_at": "2026-11-26T12:00:00Z",
            "closes_at": "2026-11-29T12:00:00Z",
            "withdrawn_at": None,
            "rewards": [
                {"id": attached.reward_id, "name": "Cape", "required_minutes": 60, "image_sha256": ""}
            ],
            "channels": {"count": 0, "sha256": "", "names": []},
        },
    }


def test_each_change_is_an_entry_that_names_the_one_before(campaign: Campaign, owner: User) -> None:
    amend_campaign(campaign=campaign, changes={"name": "Storm"}, now=NOW, actor=owner)
    amend_campaign(campaign=campaign, changes={"info_url": "https://x.example"}, now=NOW, actor=owner)
    amend_campaign(campaign=campaign, changes={"grace_days": 9}, now=NOW, actor=owner)
    end_campaign(campaign=campaign, now=NOW + timedelta(hours=1), actor=owner)
    withdraw_campaign(campaign=campaign, now=NOW + timedelta(hours=2), actor=owner)
    assert events(campaign) == ["began", "changed", "changed", "ended", "withdrawn"]
    assert [entry["promise"]["name"] for entry in entries(campaign)][:2] == ["Storm season", "Storm"]
    before = ""
    for number, promise in enumerate(campaign.promises.order_by("number"), start=1):
        entry = json.loads(promise.text)
        assert (entry["number"], entry["previous"]) == (number, before)
        assert promises.canonical(entry) == promise.text
        before = hashlib.sha256(promise.text.encode()).hexdigest()
        assert promise.hash == before


def test_the_name_and_the_picture_of_a_reward_are_promised_too(
    campaign: Campaign, owner: User, picture: SimpleUploadedFile
) -> None:
    reward = campaign.campaign_rewards.get().reward
    draft = factories.CampaignFactory(organization=campaign.organization, published_at=None)
    factories.CampaignRewardFactory(campaign=draft, reward=reward)
    amend_reward(reward=reward, changes={"name": "Red cape"}, now=NOW, actor=owner, confirmed=True)
    amend_reward(reward=reward, changes={"image": picture}, now=NOW, actor=owner, confirmed=True)
    reward.refresh_from_db()
    told = [entry["promise"]["rewards"][0] for entry in entries(campaign)]
    assert [each["name"] for each in told] == ["Cape", "Red cape", "Red cape"]
    with reward.image.open() as file:
        assert told[2]["image_sha256"] == hashlib.sha256(file.read()).hexdigest()
    assert not draft.promises.exists()


def test_what_nobody_was_promised_is_in_no_log(campaign: Campaign, owner: User) -> None:
    draft = factories.CampaignFactory(organization=campaign.organization, published_at=None)
    tested = factories.CampaignFactory(organization=campaign.organization, test_mode=True)
    soon = factories.CampaignFactory(organization=campaign.organization, starts_at=NOW + timedelta(days=5))
    called_off = factories.CampaignFactory(
        organization=campaign.organization,
        starts_at=NOW - timedelta(hours=1),
        announces_at=NOW - timedelta(hours=1),
        published_at=NOW - timedelta(days=2),
        withdrawn_at=NOW - timedelta(days=1),
    )
    for each in (draft, tested, soon):
        factories.CampaignRewardFactory(campaign=each)
    for each in (tested, soon):
        amend_campaign(campaign=each, changes={"name": "Secret"}, now=NOW, actor=owner)
    amend_campaign(campaign=draft, changes={"name": "Secret"}, now=NOW, actor=owner)
    promises.begin_logs(now=NOW)
    for each in (draft, tested, soon, called_off):
        assert not each.promises.exists()
    # Once everybody takes part, everybody is promised it.
    amend_campaign(campaign=tested, changes={"test_mode": False}, now=NOW, actor=owner)
    assert events(tested) == ["began"]
    assert promises.begin_logs(now=soon.announces_at) == 1


def test_the_log_of_a_campaign_that_is_published_after_its_announcement_begins_at_once(
    campaign: Campaign, owner: User
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(published_at=None)
    campaign.refresh_from_db()
    publish_campaign(campaign=campaign, now=NOW, actor=owner)
    assert events(campaign) == ["began"]


def test_a_campaign_whose_announcement_is_put_off_goes_on_with_its_log(
    campaign: Campaign, owner: User
) -> None:
    starts = campaign.starts_at
    before = starts - timedelta(hours=1)
    promises.begin_logs(now=before)
    later = {"starts_at": starts + timedelta(days=5), "ends_at": campaign.ends_at + timedelta(days=5)}
    amend_campaign(campaign=campaign, changes=later, now=before, actor=owner)
    assert events(campaign) == ["began", "changed"]


def test_a_change_that_is_refused_leaves_no_entry(campaign: Campaign, owner: User) -> None:
    promises.begin_logs(now=NOW)
    changes = {"ends_at": campaign.ends_at - timedelta(days=1)}
    with pytest.raises(ValidationError):
        amend_campaign(campaign=campaign, changes=changes, now=NOW, actor=owner)
    before = campaign.starts_at - timedelta(hours=1)
    with pytest.raises(ValidationError):  # found only after it was written
        amend_campaign(campaign=campaign, changes={"rewards": ()}, now=before, actor=owner)
    assert events(campaign) == ["began"]


def test_a_long_list_of_channels_is_told_by_number_and_hash(campaign: Campaign) -> None:
    channels = factories.ChannelFactory.create_batch(promises.MOST_NAMES)
    AllowedChannel.objects.bulk_create(
        AllowedChannel(campaign=campaign, channel=channel) for channel in channels
    )
    told = promises.promise_of(campaign)["channels"]
    assert told["names"] == sorted(channel.slug for channel in channels)
    ids = "\n".join(sorted((str(channel.pk) for channel in channels), key=int))
    assert told["sha256"] == hashlib.sha256(ids.encode()).hexdigest()
    factories.AllowedChannelFactory(campaign=campaign)
    told = promises.promise_of(campaign)["channels"]
    assert (told["count"], told["names"]) == (promises.MOST_NAMES + 1, [])


def test_differences_name_what_changed(campaign: Campaign, owner: User, studio: Organization) -> None:
    (cape,) = plan_of(campaign).rewards
    hat = factories.RewardFactory(organization=studio, category=campaign.category, name="Hat")
    changes = {
        "rewards": (RewardPlan(cape.reward, 45, 1), RewardPlan(hat, 90, 2)),
        "channels": [factories.ChannelFactory(slug="streamer")],
        "ends_at": campaign.ends_at + timedelta(days=1),
    }
    amend_campaign(campaign=campaign, changes=changes, now=NOW, actor=owner)
    before, after = (entry["promise"] for entry in entries(campaign))
    found = {
        (each.what, each.about): (each.before, each.after) for each in promises.differences(before, after)
    }
    assert found.pop(("channels", ""))[1]["names"] == ["streamer"]
    assert found == {
        ("ends_at", ""): ("2026-11-26T12:00:00Z", "2026-11-27T12:00:00Z"),
        ("closes_at", ""): ("2026-11-29T12:00:00Z", "2026-11-30T12:00:00Z"),
        ("reward_required_minutes", "Cape"): (60, 45),
        ("reward", "Hat"): (None, 90),
    }


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_changes_at_once_make_one_chain(campaign: Campaign, owner: User) -> None:
    reward = campaign.campaign_rewards.get().reward
    start = Barrier(8)
    failed: list[BaseException] = []

    def change(number: int) -> None:
        start.wait()
        try:
            if number % 2:
                changes = {"name": f"Cape {number}"}
                amend_reward(reward=reward, changes=changes, now=NOW, actor=owner, confirmed=True)
            else:
                amend_campaign(campaign=campaign, changes={"name": f"Storm {number}"}, now=NOW, actor=owner)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    threads = [Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    told = entries(campaign)
    assert [entry["number"] for entry in told] == list(range(1, 10))
    hashes = list(Promise.objects.order_by("number").values_list("hash", flat=True))
    assert [entry["previous"] for entry in told] == ["", *hashes[:-1]]
    assert told[-1]["promise"] == promises.promise_of(Campaign.objects.get(pk=campaign.pk))

"""What a viewer follows, and the buttons for it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from drops.domain import following
from drops.domain.catalogue.merging import merge_categories
from drops.models import Follow
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, viewer: User) -> Client:
    client.force_login(viewer)
    return client


def test_each_thing_is_followed_and_left_again(signed_in: Client, viewer: User, live_now: None) -> None:
    campaign = factories.CampaignFactory()
    channel = factories.ChannelFactory()
    things = (campaign, campaign.organization, campaign.category, channel)
    for thing in things:
        sent = {"what": thing._meta.model_name, "key": thing.pk, "back": f"/campaigns/{campaign.pk}/"}
        for _twice in range(2):
            answer = signed_in.post("/following/change/", sent)
            assert answer["Location"] == f"/campaigns/{campaign.pk}/"
    assert Follow.objects.filter(viewer=viewer).count() == 4
    assert signed_in.get(f"/campaigns/{campaign.pk}/").content.decode().count("Following ") == 3
    assert "Following " in signed_in.get(f"/channels/{channel.slug}/").content.decode()
    for thing in things:
        signed_in.post("/following/change/", {"what": thing._meta.model_name, "key": thing.pk, "end": "1"})
    assert not Follow.objects.exists()


def test_what_can_no_longer_be_seen_is_left_from_the_list(
    signed_in: Client, viewer: User, live_now: None
) -> None:
    withdrawn = factories.CampaignFactory()
    suspended = factories.OrganizationFactory()
    for thing in (withdrawn, suspended):
        following.follow(viewer=viewer, thing=thing, now=NOW)
    following.follow(viewer=factories.UserFactory(), thing=withdrawn, now=NOW)
    withdrawn.withdrawn_at = suspended.suspended_at = NOW
    withdrawn.save()
    suspended.save()
    for row in signed_in.get("/following/").context["follows"]:
        sent = {"what": row.what, "key": row.thing.pk, "end": "1"}
        assert signed_in.post("/following/change/", sent)["Location"] == "/following/"
    assert not Follow.objects.filter(viewer=viewer).exists()
    assert Follow.objects.filter(campaign=withdrawn).count() == 1
    assert signed_in.post("/following/change/", {"what": "campaign", "key": withdrawn.pk}).status_code == 404


@pytest.fixture
def live_now(time_machine: object) -> None:
    time_machine.move_to(NOW)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("what", "key"),
    [("campaign", "x"), ("channel", "x"), ("channel", "0"), ("category", "9" * 30), ("user", "1"), ("", "")],
)
def test_what_is_not_there_cannot_be_followed(signed_in: Client, viewer: User, what: str, key: str) -> None:
    assert signed_in.post("/following/change/", {"what": what, "key": key}).status_code == 404
    followed = factories.ChannelFactory()
    following.follow(viewer=viewer, thing=followed, now=NOW)
    assert signed_in.post("/following/change/", {"what": what, "key": key, "end": "1"}).status_code in (
        302,
        404,
    )
    assert Follow.objects.filter(viewer=viewer, channel=followed).exists()


def test_a_draft_or_a_test_of_others_cannot_be_followed(signed_in: Client) -> None:
    for campaign in (
        factories.CampaignFactory(published_at=None),
        factories.CampaignFactory(test_mode=True),
    ):
        answer = signed_in.post("/following/change/", {"what": "campaign", "key": campaign.pk})
        assert answer.status_code == 404


def test_who_signs_in_on_the_way_comes_to_the_list(client: Client, viewer: User) -> None:
    channel = factories.ChannelFactory()
    sent_away = client.post("/following/change/", {"what": "channel", "key": channel.pk})
    assert sent_away["Location"] == "/accounts/login/?next=/following/change/"
    client.force_login(viewer)
    assert client.get("/following/change/")["Location"] == "/following/"
    assert not Follow.objects.exists()


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_the_way_back_is_a_page_of_ours(signed_in: Client, back: str) -> None:
    channel = factories.ChannelFactory()
    sent = {"what": "channel", "key": channel.pk, "back": back}
    assert signed_in.post("/following/change/", sent)["Location"] == "/following/"


def test_the_list_is_ones_own_and_pages_by_key(
    signed_in: Client, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PAGE", 3)
    theirs = factories.ChannelFactory()
    following.follow(viewer=factories.UserFactory(), thing=theirs, now=NOW)
    signed_in.get("/following/")
    queries = []
    for count in (1, 3):
        for _ in range(count):
            campaign = factories.CampaignFactory()
            following.follow(viewer=viewer, thing=campaign, now=NOW)
        with CaptureQueriesContext(connection) as context:
            page = signed_in.get("/following/")
        queries.append(len(context))
        assert campaign.name in page.content.decode()
        assert theirs.slug not in page.content.decode()
    assert queries[0] == queries[1]
    first, second = page, signed_in.get(f"/following/?before={page.context['more']}")
    assert [len(each.context["follows"]) for each in (first, second)] == [3, 1]


def test_there_is_an_end_to_it(signed_in: Client, viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST", 2)
    for _ in range(3):
        channel = factories.ChannelFactory()
        page = signed_in.post("/following/change/", {"what": "channel", "key": channel.pk}, follow=True)
    assert "You can follow at most 2." in page.content.decode()
    assert Follow.objects.filter(viewer=viewer).count() == 2


def test_who_follows_a_game_that_was_merged_follows_the_other_one(operator: User) -> None:
    first, second = factories.CategoryFactory(), factories.CategoryFactory()
    one, both = factories.UserFactory(), factories.UserFactory()
    for viewer, category in ((one, first), (both, first), (both, second)):
        following.follow(viewer=viewer, thing=category, now=NOW)
    merge_categories(category=first, into=second, reason="The same game.", now=NOW, actor=operator)
    assert sorted(Follow.objects.values_list("viewer", "category")) == sorted(
        [(one.pk, second.pk), (both.pk, second.pk)]
    )

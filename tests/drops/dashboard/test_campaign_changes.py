"""Campaigns once they are planned: listed, changed, confirmed, withdrawn, ended and archived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from drops.models import Campaign, CampaignReward, Category, Channel, Reward, RewardHour, WatchHour
from tests import factories
from tests.dashboard import form_data, press, send_form, sign_in, words
from tests.drops.dashboard.campaigns import ROW, overview


def test_a_live_campaign_says_why_something_stays(owner_client: Client, live: Campaign) -> None:
    url = f"/dashboard/campaigns/{live.pk}/change/"
    earlier = (live.ends_at - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert "can only move later" in words(send_form(owner_client, url, ends_at=earlier))
    assert "only lower this number" in words(
        send_form(owner_client, url, **{ROW.format(0, "required_minutes"): 61})
    )
    assert "stays attached" in words(send_form(owner_client, url, **{ROW.format(0, "DELETE"): "on"}))
    assert "test mode would lock viewers out" in words(send_form(owner_client, url, test_mode="on"))
    assert CampaignReward.objects.get().required_minutes == 60


def test_fields_that_are_fixed_cannot_be_slipped_in(owner_client: Client, live: Campaign) -> None:
    url = f"/dashboard/campaigns/{live.pk}/change/"
    page = send_form(owner_client, url, starts_at="2026-11-01T10:00", category="", name="Autumn cup 2")
    assert "was saved" in words(page)
    changed = Campaign.objects.get()
    assert (changed.starts_at, changed.category, changed.name) == (
        live.starts_at,
        live.category,
        "Autumn cup 2",
    )


def test_rewards_swap_positions_in_one_save(
    owner_client: Client, live: Campaign, studio: Organization
) -> None:
    hat = factories.RewardFactory(organization=studio, category=live.category, name="Hat")
    factories.CampaignRewardFactory(campaign=live, reward=hat, required_minutes=90)
    url = f"/dashboard/campaigns/{live.pk}/change/"
    send_form(owner_client, url, **{ROW.format(0, "position"): 2, ROW.format(1, "position"): 1})
    assert list(live.campaign_rewards.values_list("reward__name", flat=True)) == ["Hat", "Cape"]


def test_withdrawing_asks_first(owner_client: Client, live: Campaign) -> None:
    url = f"/dashboard/campaigns/{live.pk}/withdraw/"
    assert "They can claim what they have earned" in words(owner_client.get(url))
    assert Campaign.objects.get().withdrawn_at is None
    assert "was withdrawn" in words(press(owner_client, url))
    assert Campaign.objects.get().withdrawn_at == factories.NOW


def test_only_drafts_are_deleted(owner_client: Client, live: Campaign, studio: Organization) -> None:
    assert press(owner_client, f"/dashboard/campaigns/{live.pk}/delete/").status_code == 403
    draft = factories.CampaignFactory(organization=studio, published_at=None)
    assert "was deleted" in words(press(owner_client, f"/dashboard/campaigns/{draft.pk}/delete/"))
    assert list(Campaign.objects.all()) == [live]


def test_campaigns_are_listed_by_phase(owner_client: Client, live: Campaign, studio: Organization) -> None:
    factories.CampaignFactory(organization=studio, published_at=None, name="Someday")
    page = owner_client.get("/dashboard/campaigns/", {"phase": "live"})
    assert list(page.context["cl"].result_list) == [live]
    assert words(owner_client.get("/dashboard/campaigns/", {"phase": "nonsense"})).count("Someday") <= 1


def test_a_reader_sees_the_plan_and_no_form(client: Client, live: Campaign, member: User) -> None:
    sign_in(client, member)
    page = words(client.get(f"/dashboard/campaigns/{live.pk}/change/"))
    assert "Autumn cup" in page
    assert '<form class="form dash-form"' not in page
    assert "Withdraw" not in words(client.get(overview(live)))


def test_the_overview_has_the_figures(
    owner_client: Client, live: Campaign, reward: Reward, channel: Channel
) -> None:
    WatchHour.objects.create(
        campaign=live, channel=channel, hour=live.starts_at, seconds=11_400, viewers=3, new_viewers=3
    )
    RewardHour.objects.create(campaign=live, reward=reward, channel=channel, hour=live.starts_at, qualified=2)
    factories.ClaimFactory(campaign=live, reward=reward)
    context = owner_client.get(overview(live)).context
    assert (context["totals"].minutes, context["totals"].viewers) == (190, 3)
    assert [*context["chart"].rows] == [("19 Nov 2026", ["190"]), ("20 Nov 2026", ["0"])]
    assert [row.figures.channel for row in context["top_channels"]] == [channel]
    assert context["claimed_rewards"] == 1
    assert [row[1:] for row in context["rewards"]] == [(2, 1, 0, 0)]
    assert form_data(owner_client, f"/dashboard/campaigns/{live.pk}/change/")[0]["name"] == "Autumn cup"


@pytest.mark.parametrize("fraction", [{"microsecond": 332_162}, {"second": 30}, {}])
@pytest.mark.parametrize("phase", ["announced", "live", "grace"])
def test_a_campaign_saves_unchanged_and_can_be_extended_whatever_its_dates_are(
    owner_client: Client, live: Campaign, phase: str, fraction: dict[str, int]
) -> None:
    factories.OAuthAppFactory(organization=live.organization)
    ago = {"announced": -1, "live": 1, "grace": 10}[phase]
    starts_at = (factories.NOW - timedelta(days=ago)).replace(**fraction)
    Campaign.objects.filter(pk=live.pk).update(
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=8),
        announces_at=starts_at - timedelta(days=3),
        closes_at=starts_at + timedelta(days=15),
    )
    before = Campaign.objects.filter(pk=live.pk).values().get()
    form = f"/dashboard/campaigns/{live.pk}/change/"

    page = send_form(owner_client, form)
    assert page.redirect_chain
    after = Campaign.objects.filter(pk=live.pk).values().get()
    assert after | {"updated_at": None} == before | {"updated_at": None}

    page = send_form(owner_client, form, grace_days=9)
    if phase != "announced":
        page = send_form(owner_client, form, grace_days=9, confirmed=page.context["consequences_digest"])
    assert page.redirect_chain
    live.refresh_from_db()
    assert live.closes_at == starts_at + timedelta(days=17)


def test_a_form_that_was_open_meanwhile_undoes_nothing(
    owner_client: Client, live: Campaign, studio: Organization, category: Category
) -> None:
    other = factories.RewardFactory(organization=studio, category=category, name="Hat")
    factories.CampaignRewardFactory(campaign=live, reward=other, required_minutes=120, position=2)
    form = f"/dashboard/campaigns/{live.pk}/change/"
    drawn, _ = form_data(owner_client, form)
    also_drawn, _ = form_data(owner_client, form)

    owner_client.post(form, drawn | {"name": "Autumn cup, second edition"})
    page = owner_client.post(form, also_drawn | {"info_url": "https://studio.example.com/cup"}, follow=True)

    assert page.redirect_chain
    live.refresh_from_db()
    assert (live.name, live.info_url) == ("Autumn cup, second edition", "https://studio.example.com/cup")
    minutes = live.campaign_rewards.order_by("position").values_list("required_minutes", flat=True)
    assert list(minutes) == [60, 120]


def test_what_cannot_be_taken_back_is_shown_and_saved_only_once_it_is_confirmed(
    owner_client: Client, live: Campaign
) -> None:
    form = f"/dashboard/campaigns/{live.pk}/change/"
    data, _ = form_data(owner_client, form)
    later = live.ends_at + timedelta(days=3650)
    wanted = data | {"ends_at": f"{later:%Y-%m-%dT%H:%M}", ROW.format(0, "required_minutes"): 6}

    asked = owner_client.post(form, wanted)

    assert "“Cape” requires 6 minutes instead of 60." in words(asked)
    assert f"{later:%-d %b %Y}" in words(asked)
    assert Campaign.objects.get(pk=live.pk).ends_at == live.ends_at

    digest = asked.context["consequences_digest"]
    other = wanted | {ROW.format(0, "required_minutes"): 5, "confirmed": digest}
    assert not owner_client.post(form, other, follow=True).redirect_chain  # confirmed was something else

    saved = owner_client.post(form, wanted | {"confirmed": digest}, follow=True)
    assert saved.redirect_chain
    live.refresh_from_db()
    assert (live.ends_at, live.campaign_rewards.get().required_minutes) == (later, 6)


def test_a_change_that_can_be_taken_back_asks_nothing(owner_client: Client, live: Campaign) -> None:
    page = send_form(owner_client, f"/dashboard/campaigns/{live.pk}/change/", name="Autumn cup, again")
    assert page.redirect_chain


def test_publishing_and_withdrawing_say_what_they_mean(
    owner_client: Client, live: Campaign, studio: Organization
) -> None:
    factories.OAuthAppFactory(organization=studio)
    page = words(owner_client.get(f"/dashboard/campaigns/{live.pk}/withdraw/"))
    assert "0 viewers have watched for the campaign." in page

    Campaign.objects.filter(pk=live.pk).update(published_at=None)
    assert "The start is in the past" in words(owner_client.get(overview(live)))
    page = words(owner_client.get(f"/dashboard/campaigns/{live.pk}/publish/"))
    assert "The start is in the past" in page
    assert "Cape (60 min)" in page
    assert "every channel whose streamer takes part" in page


def test_a_live_campaign_is_ended_by_its_button(owner_client: Client, live: Campaign, now: Any) -> None:
    assert "/end/" in words(owner_client.get(overview(live)))
    url = f"/dashboard/campaigns/{live.pk}/end/"
    page = words(owner_client.get(url))
    assert "Viewers earn nothing more." in page
    assert "0 viewers have watched for the campaign." in page
    assert "has ended. Its grace period has begun." in words(press(owner_client, url))
    live.refresh_from_db()
    assert live.ends_at == now
    assert "/end/" not in words(owner_client.get(overview(live)))
    assert "Campaign ended early" in words(owner_client.get(f"/dashboard/campaigns/{live.pk}/history/"))
    assert "Only a live campaign can be ended." not in words(press(owner_client, url))


def test_an_archived_campaign_is_in_a_list_of_its_own(owner_client: Client, live: Campaign, now: Any) -> None:
    def listed(query: str = "") -> list[Campaign]:
        return list(owner_client.get(f"/dashboard/campaigns/{query}").context["cl"].result_list)

    assert "/archive/" not in words(owner_client.get(overview(live)))
    assert "once it has closed" in words(press(owner_client, f"/dashboard/campaigns/{live.pk}/archive/"))
    Campaign.objects.filter(pk=live.pk).update(ends_at=now, closes_at=now)
    assert listed() == [live]
    page = words(press(owner_client, f"/dashboard/campaigns/{live.pk}/archive/"))
    assert "“Autumn cup” was archived." in page
    assert '<span class="badge">Archived</span>' in page
    assert (listed(), listed("?archived=yes"), listed("?archived=yes&phase=live")) == ([], [live], [])
    press(owner_client, f"/dashboard/campaigns/{live.pk}/restore/")
    assert (listed(), listed("?archived=yes")) == ([live], [])


def test_an_archived_draft_is_not_called_ready(owner_client: Client, live: Campaign, now: Any) -> None:
    Campaign.objects.filter(pk=live.pk).update(published_at=None)
    said = "Before you can publish this campaign"
    assert said in words(owner_client.get(overview(live)))
    page = words(press(owner_client, f"/dashboard/campaigns/{live.pk}/archive/"))
    assert said not in page
    assert "/publish/" not in page

"""Planning, publishing and changing campaigns by hand."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization, User
from drops.models import Campaign, CampaignReward, Category, Channel, Reward, RewardHour, WatchHour
from tests import factories
from tests.dashboard import form_data, press, send_form, sign_in, words

ADD = "/dashboard/campaigns/add/"
ROW = "campaign_rewards-{}-{}"


@pytest.fixture
def reward(studio: Organization, category: Category) -> Reward:
    return factories.RewardFactory(organization=studio, category=category, name="Cape")


@pytest.fixture
def fields(category: Category, reward: Reward) -> dict[str, Any]:
    return {
        "name": "Winter cup",
        "category": category.pk,
        "info_url": "https://studio.example.com/winter",
        "starts_at": "2026-12-01T18:00",
        "ends_at": "2026-12-08T18:00",
        "announcement_days": 3,
        "grace_days": 7,
        "channels": "",
        ROW.format(0, "reward"): reward.pk,
        ROW.format(0, "required_minutes"): 60,
        ROW.format(0, "position"): "",
    }


@pytest.fixture
def live(studio: Organization, category: Category, reward: Reward) -> Campaign:
    campaign = factories.CampaignFactory(organization=studio, category=category, name="Autumn cup")
    factories.CampaignRewardFactory(campaign=campaign, reward=reward, required_minutes=60)
    return campaign


def overview(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/overview/"


def test_a_campaign_from_nothing_to_published(
    owner_client: Client, studio: Organization, fields: dict[str, Any], channel: Channel
) -> None:
    page = send_form(owner_client, ADD, **(fields | {"channels": f"@{channel.slug.upper()}\n"}))
    campaign = studio.campaigns.get()
    assert page.redirect_chain[-1][0] == overview(campaign)
    assert campaign.starts_at.isoformat() == "2026-12-01T18:00:00+00:00"
    assert (campaign.announcement_days, campaign.grace_days) == (3, 7)
    assert [entry.channel for entry in campaign.allowed_channels.all()] == [channel]
    assert [(row.required_minutes, row.position) for row in campaign.campaign_rewards.all()] == [(60, 1)]

    assert "Create an OAuth app" in words(page)
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "Create an OAuth app" in words(page)
    assert studio.campaigns.get().published_at is None

    factories.OAuthAppFactory(organization=studio)
    assert "Ready to publish" in words(owner_client.get(overview(campaign)))
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "“Winter cup” was published" in words(page)
    assert studio.campaigns.get().published_at == factories.NOW


def test_pending_organizations_prepare_and_do_not_publish(
    owner_client: Client, studio: Organization, fields: dict[str, Any]
) -> None:
    studio.approved_at = None
    studio.save()
    send_form(owner_client, ADD, **fields)
    campaign = studio.campaigns.get()
    page = press(owner_client, f"/dashboard/campaigns/{campaign.pk}/publish/")
    assert "must approve the organization" in words(page)
    assert studio.campaigns.get().published_at is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\0b"),
        ("category", "999999"),
        ("info_url", "javascript:alert(1)"),
        ("info_url", "ftp://studio.example.com/"),
        ("starts_at", "yesterday"),
        ("starts_at", "0001-01-01T00:00"),
        ("starts_at", "2026-02-30T10:00"),
        ("starts_at", ""),
        ("ends_at", "9999-12-31T23:59"),
        ("ends_at", "2026-11-30T18:00"),
        ("announcement_days", "-1"),
        ("announcement_days", "many"),
        ("grace_days", "99999999999999999999"),
        ("channels", "no_such_channel"),
        ("channels", "\0"),
        ("channels", "a " * 2000),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    owner_client: Client, fields: dict[str, Any], field: str, value: str
) -> None:
    page = send_form(owner_client, ADD, **(fields | {field: value}))
    assert page.status_code == 200
    assert list(page.context["adminform"].form.errors) == [field]
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("required_minutes", "0"),
        ("required_minutes", ""),
        ("required_minutes", "9" * 30),
        ("reward", "nonsense"),
        ("reward", "01M7WD7TG0CE1M5X06MWB1DY07"),
        ("position", "13"),
        ("position", "-1"),
        ("id", "999"),
        ("id", "nonsense"),
    ],
)
def test_rows_that_are_wrong_are_refused(
    owner_client: Client, fields: dict[str, Any], column: str, value: str
) -> None:
    page = send_form(owner_client, ADD, **(fields | {ROW.format(0, column): value}))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not Campaign.objects.exists()


def test_a_tampered_row_count_is_a_message(owner_client: Client, fields: dict[str, Any]) -> None:
    for value in ("", "-1", "99999999999", "nonsense"):
        page = send_form(owner_client, ADD, **(fields | {"campaign_rewards-TOTAL_FORMS": value}))
        assert page.status_code == 200
    assert not CampaignReward.objects.exists()


def test_rewards_twice_and_thirteen_rewards_are_refused_in_words(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    twice = {
        "campaign_rewards-TOTAL_FORMS": 2,
        ROW.format(1, "reward"): reward.pk,
        ROW.format(1, "required_minutes"): 90,
        ROW.format(1, "position"): "",
    }
    assert "attached twice" in words(send_form(owner_client, ADD, **(fields | twice)))
    many: dict[str, Any] = {"campaign_rewards-TOTAL_FORMS": 13}
    for at in range(13):
        many |= {
            ROW.format(at, "reward"): factories.RewardFactory(organization=studio).pk,
            ROW.format(at, "required_minutes"): 60,
        }
    page = send_form(owner_client, ADD, **(fields | many))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not Campaign.objects.exists()


def errors_of_rows(page: Any) -> list[dict[str, list[str]]]:
    return [dict(form.errors) for form in page.context["inline_admin_formsets"][0].formset.forms]


def test_what_is_wrong_with_a_reward_is_said_at_its_row(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    another = factories.RewardFactory(organization=studio).pk
    rows: dict[str, Any] = {"campaign_rewards-TOTAL_FORMS": 3}
    for at, (pk, position) in enumerate([(reward.pk, 4), (another, 5), (reward.pk, 5)]):
        filled_in = {"reward": pk, "required_minutes": 60 + at, "position": position}
        rows |= {ROW.format(at, name): value for name, value in filled_in.items()}
    page = send_form(owner_client, ADD, **(fields | rows))
    twice, together = ["A reward is attached twice."], ["Two rewards have the same position."]
    assert errors_of_rows(page) == [
        {"reward": twice},
        {"position": together},
        {"reward": twice, "position": together},
    ]
    notice = words(page).partition("Correct the marked fields below.")[2].partition("</div>")[0]
    assert re.findall(r'<a href="#id_([^"]+)">([^<]+)</a>', notice) == [
        (ROW.format(row, field), f"{field.capitalize()} in row {row + 1}")
        for row, field in ((0, "reward"), (1, "position"), (2, "reward"), (2, "position"))
    ]
    assert not Campaign.objects.exists()


def test_a_row_that_takes_something_away_from_viewers_is_marked(owner_client: Client, live: Campaign) -> None:
    url = f"/dashboard/campaigns/{live.pk}/change/"
    page = send_form(owner_client, url, **{ROW.format(0, "required_minutes"): 61})
    assert [list(errors) for errors in errors_of_rows(page)] == [["required_minutes"], []]
    page = send_form(owner_client, url, **{ROW.format(0, "DELETE"): "on"})
    assert [list(errors) for errors in errors_of_rows(page)] == [["reward"], []]


def test_what_cannot_be_told_apart_is_a_question_and_no_error(
    owner_client: Client, studio: Organization, fields: dict[str, Any], reward: Reward
) -> None:
    factories.CampaignFactory(organization=studio, name="winter CUP")
    twin = factories.RewardFactory(organization=studio, name="Red cape", external_id=reward.external_id)
    second = {
        "campaign_rewards-TOTAL_FORMS": 2,
        ROW.format(1, "reward"): twin.pk,
        ROW.format(1, "required_minutes"): 60,
        ROW.format(1, "position"): "",
    }
    page = words(send_form(owner_client, ADD, **(fields | second)))
    assert "Another campaign has the same name: winter CUP (19 Nov 2026 to 26 Nov 2026)." in page
    assert "These rewards take the same 60 minutes: “Cape”, “Red cape”." in page
    assert f"These rewards have the same external ID, {reward.external_id}: “Cape”, “Red cape”." in page
    campaign = Campaign.objects.get(name="Winter cup")
    assert "take the same 60 minutes" in words(
        owner_client.get(f"/dashboard/campaigns/{campaign.pk}/publish/")
    )


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

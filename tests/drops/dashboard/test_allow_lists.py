"""The allow-list of a campaign: names, pasted lists and files, with a report line by line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from accounts.models import AuditEvent, Organization, User
from drops.domain.campaigns.allow_lists import slug_of
from drops.models import AllowedChannel, Campaign, Category, Channel, FormerChannelName
from tests import factories
from tests.dashboard import form_data, send_form, words
from tests.factories import NOW

FIND = "/dashboard/campaigns/channels/"


@pytest.fixture
def draft(studio: Organization, category: Category) -> Campaign:
    return factories.CampaignFactory(organization=studio, category=category, published_at=None)


@pytest.fixture
def streamers() -> list[Channel]:
    return [factories.ChannelFactory(slug=slug) for slug in ("alpha", "beta_2", "gamma-3")]


def edit(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/change/"


def allowed(campaign: Campaign) -> list[str]:
    return sorted(campaign.allowed_channels.values_list("channel__slug", flat=True))


def file(text: str | bytes, name: str = "channels.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode() if isinstance(text, str) else text)


def lines_of(page: Any) -> list[tuple[int, str, str]]:
    lines = page.context["adminform"].form.report.lines
    return [(line.number, line.text, str(line.verdict)) for line in lines]


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Alpha", "alpha"),
        (" @ALPHA ", "alpha"),
        ('"alpha"', "alpha"),
        ("https://streams.example/channels/Alpha/", "alpha"),
        ("http://streams.example/alpha?tab=videos#top", "alpha"),
        ("streams.example/alpha", "alpha"),
        ("https://streams.example/@alpha", "alpha"),
        ("https://[/alpha", "https://[/alpha"),
        ("///", "///"),
        ("", ""),
    ],
)
def test_a_name_in_any_case_and_the_address_of_a_channels_page_are_understood(text: str, slug: str) -> None:
    assert slug_of(text) == slug


def test_names_addresses_and_a_file_are_added_together(
    owner_client: Client, draft: Campaign, streamers: list[Channel]
) -> None:
    page = send_form(
        owner_client,
        edit(draft),
        channels="@ALPHA",
        add_channel="https://streams.example/channels/beta_2/",
        channels_file=file("followers,Channel\r\n10,gamma-3\r\n5,alpha\r\n"),
    )
    assert page.redirect_chain
    assert allowed(draft) == ["alpha", "beta_2", "gamma-3"]
    assert "Allow-list: Added: 3, Twice: 1." in words(page)
    assert "Allow-list:" not in words(send_form(owner_client, edit(draft), name="Renamed"))


@pytest.mark.parametrize(
    "text",
    [
        "alpha\nbeta_2\n",
        "\ufeffalpha\r\nbeta_2",
        "channel\nalpha\nbeta_2",
        "alpha;1\nbeta_2;2",
        "url,followers\nhttps://streams.example/alpha,1\nhttps://streams.example/beta_2,2",
        '"alpha","a ""quoted"" note"\n"beta_2",""\n\n',
        "note\tslug\nx\talpha\ny\tbeta_2",
    ],
)
def test_a_file_is_understood_as_it_comes(
    owner_client: Client, draft: Campaign, streamers: list[Channel], text: str
) -> None:
    assert send_form(owner_client, edit(draft), channels_file=file(text)).redirect_chain
    assert allowed(draft) == ["alpha", "beta_2"]


def test_what_is_wrong_is_told_line_by_line_and_all_names_are_kept(
    owner_client: Client, draft: Campaign, streamers: list[Channel]
) -> None:
    AllowedChannel.objects.create(campaign=draft, channel=streamers[0])
    page = send_form(
        owner_client,
        edit(draft),
        name="Renamed",
        channels_file=file("alpha\nbeta_2\nnobody\nBETA_2\n\nnot a name\n"),
    )
    assert lines_of(page)[1:] == [
        (1, "alpha", "twice"),
        (2, "beta_2", "added"),
        (3, "nobody", "unknown"),
        (4, "BETA_2", "twice"),
        (6, "not a name", "unknown"),
    ]
    form = page.context["adminform"].form
    assert list(form.errors) == ["channels"]
    assert "There are no channels named nobody, not a name." in str(form.errors["channels"])
    assert form["channels"].value().split("\n")[:4] == ["alpha", "alpha", "beta_2", "nobody"]
    assert form["name"].value() == "Renamed"
    assert "Unknown: 2" in words(page)
    assert allowed(draft) == ["alpha"]

    data, _ = form_data(owner_client, edit(draft))
    kept = data | {"name": "Renamed", "channels": form["channels"].value(), "leave_out_unknown": "on"}
    assert owner_client.post(edit(draft), kept, follow=True).redirect_chain
    assert allowed(draft) == ["alpha", "beta_2"]


def test_a_list_is_checked_without_being_saved(
    owner_client: Client, draft: Campaign, streamers: list[Channel]
) -> None:
    AllowedChannel.objects.create(campaign=draft, channel=streamers[0])
    page = send_form(owner_client, edit(draft), channels="alpha\nbeta_2", check_channels="yes")
    assert lines_of(page) == [(1, "alpha", "present"), (2, "beta_2", "added")]
    assert "nothing is saved yet" in words(page)
    assert allowed(draft) == ["alpha"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff\xfe\x00",
        b"alpha\x00",
        b"\x89PNG\r\n\x1a\n",
        b"x" * 3_000_000,
    ],
    ids=["utf-16", "nul", "picture", "large"],
)
def test_what_is_no_list_is_refused_at_its_field(
    owner_client: Client, draft: Campaign, streamers: list[Channel], sent: bytes
) -> None:
    page = send_form(owner_client, edit(draft), name="Kept", channels="alpha", channels_file=file(sent))
    form = page.context["adminform"].form
    assert list(form.errors) == ["channels_file"]
    assert (form["channels"].value(), form["name"].value()) == ("alpha", "Kept")
    assert allowed(draft) == []


def test_lists_of_channels_are_no_pictures_and_do_not_count_as_some(
    owner_client: Client, draft: Campaign, streamers: list[Channel], settings: Any
) -> None:
    settings.PICTURES_PER_HOUR = 1
    for _attempt in range(3):
        assert send_form(owner_client, edit(draft), channels_file=file("alpha")).redirect_chain
    assert allowed(draft) == ["alpha"]


def many(count: int) -> list[Channel]:
    people = User.objects.bulk_create(User(username=f"streamer_{at}") for at in range(count))
    return Channel.objects.bulk_create(Channel(owner=user, slug=user.username) for user in people)


def queries(client: Client, url: str, **changes: Any) -> int:
    data, _ = form_data(client, url)
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, is_many: bool, context: Any) -> Any:
        asked.append(sql.lower())
        return execute(sql, params, is_many, context)

    # Not captured with their values, of which there are 10,000.
    with connection.execute_wrapper(note):
        page = client.post(url, data | changes)
    assert page.status_code == 302, page.context["adminform"].form.errors
    return len([sql for sql in asked if "allowedchannel" in sql])


def test_ten_thousand_channels_are_saved_and_twenty_thousand_answered_at_the_field(
    owner_client: Client, draft: Campaign
) -> None:
    names = [channel.slug for channel in many(10_000)]
    few = queries(owner_client, edit(draft), channels="\n".join(names[:2]))
    assert allowed(draft) == sorted(names[:2])
    all_of_them = queries(owner_client, edit(draft), channels="\n".join(names))
    assert len(allowed(draft)) == 10_000
    # SQLite takes so many values in one statement; PostgreSQL takes all of them.
    parts = 10_000 // 300 if connection.vendor == "sqlite" else 0
    assert all_of_them <= few + parts + 5
    event = AuditEvent.objects.filter(action="campaign.changed").latest("pk")
    assert len(event.data["channels"][1]) == 10_000
    assert "more" in words(owner_client.get(f"/dashboard/campaigns/{draft.pk}/history/"))

    text = "\n".join([*names, *(f"other_{at}" for at in range(10_000))])
    page = send_form(owner_client, edit(draft), name="Kept", channels=text)
    form = page.context["adminform"].form
    assert list(form.errors) == ["channels"]
    assert (form["name"].value(), form["channels"].value()) == ("Kept", text)
    assert "Unknown: 10,000" in words(page)

    one_more = factories.ChannelFactory(slug="one_more").slug
    page = send_form(owner_client, edit(draft), channels="\n".join([*names, one_more]))
    said = str(page.context["adminform"].form.errors["channels"])
    assert "The list has 10,001 channels. Enter at most 10,000." in said
    assert len(allowed(draft)) == 10_000
    send_form(owner_client, edit(draft), channels="")
    assert allowed(draft) == []


def test_two_owners_who_add_channels_at_once_lose_none(
    owner_client: Client, draft: Campaign, streamers: list[Channel]
) -> None:
    AllowedChannel.objects.create(campaign=draft, channel=streamers[0])
    first, _ = form_data(owner_client, edit(draft))
    second, _ = form_data(owner_client, edit(draft))
    owner_client.post(edit(draft), first | {"channels": "alpha\nbeta_2"})
    owner_client.post(edit(draft), second | {"channels": "gamma-3"})
    assert allowed(draft) == ["beta_2", "gamma-3"]


def test_channels_are_found_by_what_their_name_begins_with(
    owner_client: Client, streamers: list[Channel]
) -> None:
    def found(typed: str) -> str:
        return words(owner_client.get(FIND, {"add_channel": typed}))

    assert found("Al") == found("@al") == '<option value="alpha"></option>'
    assert found("https://streams.example/channels/gam") == '<option value="gamma-3"></option>'
    for nothing in ("", "%", "beta%", "l", "x" * 300, "\0a", "'"):
        assert found(nothing).count("<option") == 0 or nothing == "\0a"
    factories.ChannelFactory(slug="beta")
    assert found("beta") == '<option value="beta"></option><option value="beta_2"></option>'
    for at in range(30):
        factories.ChannelFactory(slug=f"beta{at}")
    assert found("beta").count("<option") == 10
    assert '"beta"' in found("beta")


def test_a_former_name_means_the_channel_that_had_it(
    owner_client: Client, draft: Campaign, streamers: list[Channel]
) -> None:
    FormerChannelName.objects.create(slug="old_alpha", channel=streamers[0], until=NOW)
    page = send_form(owner_client, edit(draft), channels="OLD_Alpha alpha beta_2")
    assert "Added: 2, Twice: 1" in words(page)
    assert allowed(draft) == ["alpha", "beta_2"]


def test_a_live_campaigns_list_is_added_to(
    owner_client: Client, studio: Organization, streamers: list[Channel]
) -> None:
    live = factories.CampaignFactory(organization=studio)
    assert send_form(owner_client, edit(live), add_channel="alpha").redirect_chain
    assert allowed(live) == ["alpha"]
    Campaign.objects.filter(pk=live.pk).update(ends_at=NOW, closes_at=NOW + timedelta(days=5))
    send_form(owner_client, edit(live), add_channel="beta_2", channels="beta_2")
    assert allowed(live) == ["alpha"]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("alpha\n" + "x" * 200_000, "x" * 100),
        ('"' + "x" * 200_000 + "\nalpha", '"' + "x" * 99),
        ("channel," + "a," * 300_000 + "\nalpha\nnobody", "nobody"),
    ],
)
def test_no_line_of_a_file_is_too_long(
    owner_client: Client, draft: Campaign, streamers: list[Channel], text: str, unknown: str
) -> None:
    page = send_form(owner_client, edit(draft), channels_file=file(text))
    assert [line[1] for line in lines_of(page) if line[2] == "unknown"] == [unknown]
    assert [line[1] for line in lines_of(page) if line[2] == "added"] == ["alpha"]

"""The dates of a campaign, typed and read in the time zones of its owners."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organization, User
from drops.models import Campaign, Category
from tests import factories
from tests.dashboard import form_data, press, send_form, sign_in, words
from tests.factories import NOW

ADD = "/dashboard/campaigns/add/"


@pytest.fixture
def fields(category: Category) -> dict[str, Any]:
    return {
        "name": "Winter cup",
        "category": category.pk,
        "starts_at": "2026-12-01T18:00",
        "ends_at": "2026-12-08T18:00",
        "announcement_days": 3,
        "grace_days": 7,
    }


@pytest.fixture
def draft(studio: Organization, category: Category) -> Campaign:
    seconds = timedelta(seconds=37, microseconds=5)
    return factories.CampaignFactory(
        organization=studio,
        category=category,
        published_at=None,
        starts_at=NOW + timedelta(days=1) + seconds,
        ends_at=NOW + timedelta(days=8) + seconds,
    )


def edit(campaign: Campaign) -> str:
    return f"/dashboard/campaigns/{campaign.pk}/change/"


def lives_in(user: User, zone: str) -> None:
    User.objects.filter(pk=user.pk).update(time_zone=zone)


@pytest.mark.parametrize(
    ("zone", "starts_at"),
    [
        ("Europe/Berlin", "2026-12-01T17:00Z"),
        ("America/New_York", "2026-12-01T23:00Z"),
        ("Australia/Lord_Howe", "2026-12-01T07:00Z"),
        ("Asia/Kathmandu", "2026-12-01T12:15Z"),
    ],
)
def test_dates_are_typed_in_the_owners_zone_with_utc_beside_them(
    owner_client: Client, owner: User, studio: Organization, fields: dict[str, Any], zone: str, starts_at: str
) -> None:
    lives_in(owner, zone)
    assert f"Times are those of {zone}." in words(owner_client.get(ADD))
    page = words(send_form(owner_client, ADD, **fields))
    campaign = studio.campaigns.get()
    assert campaign.starts_at == datetime.fromisoformat(starts_at)
    assert f"{campaign.starts_at:%-d %b %Y, %H:%M} UTC" in page
    data, _choices = form_data(owner_client, edit(campaign))
    assert data["starts_at"] == fields["starts_at"]
    assert f"= {campaign.starts_at:%-d %b %Y, %H:%M} UTC" in words(owner_client.get(edit(campaign)))


def test_the_browsers_zone_is_a_guess_that_the_person_corrects(
    owner_client: Client, owner: User, fields: dict[str, Any]
) -> None:
    owner_client.cookies["timezone"] = "Asia/Kathmandu"
    assert "Times are those of Asia/Kathmandu." in words(owner_client.get(ADD))
    assert "As your browser says: Asia/Kathmandu" in words(owner_client.get("/settings/"))
    page = owner_client.post("/settings/time-zone/", {"time_zone": "Europe/Berlin"}, follow=True)
    assert "Your time zone was saved." in words(page)
    assert "Times are those of Europe/Berlin." in words(owner_client.get(ADD))
    event = AuditEvent.objects.get(action="user.time_zone_changed")
    assert (event.actor, event.data) == (owner, {"time_zone": ["", "Europe/Berlin"]})


@pytest.mark.parametrize("value", ["Berlin", "x" * 200, "\0", "Europe/Berlin\n"])
def test_what_is_no_zone_is_refused(owner_client: Client, owner: User, value: str) -> None:
    page = owner_client.post("/settings/time-zone/", {"time_zone": value})
    assert page.status_code in (200, 400)
    owner.refresh_from_db()
    assert owner.time_zone == ""


@pytest.mark.parametrize(
    ("zone", "typed", "said"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "There is no 02:30 on 28 Mar 2027 in Europe/Berlin"),
        ("America/New_York", "2027-03-14T02:30", "Choose 01:30 or 03:30."),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "Choose 01:45 or 02:45."),
    ],
)
def test_an_hour_that_does_not_exist_is_explained_at_its_field_and_kept(
    owner_client: Client, owner: User, fields: dict[str, Any], zone: str, typed: str, said: str
) -> None:
    lives_in(owner, zone)
    page = send_form(owner_client, ADD, **(fields | {"starts_at": typed, "ends_at": "2027-12-08T18:00"}))
    form = page.context["adminform"].form
    assert list(form.errors) == ["starts_at"]
    assert said in str(form.errors["starts_at"])
    assert f'value="{typed}"' in words(page)
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("zone", "typed", "readings"),
    [
        ("Europe/Berlin", "2027-10-31T02:30", ["2027-10-31T00:30Z", "2027-10-31T01:30Z"]),
        ("America/New_York", "2027-11-07T01:30", ["2027-11-07T05:30Z", "2027-11-07T06:30Z"]),
        ("Australia/Lord_Howe", "2027-04-04T01:45", ["2027-04-03T14:45Z", "2027-04-03T15:15Z"]),
    ],
)
def test_an_hour_that_comes_twice_is_asked_about_and_never_guessed(
    owner_client: Client, owner: User, fields: dict[str, Any], zone: str, typed: str, readings: list[str]
) -> None:
    lives_in(owner, zone)
    sent = fields | {"ends_at": typed}
    page = send_form(owner_client, ADD, **sent)
    form = page.context["adminform"].form
    assert list(form.errors) == ["ends_at"]
    assert "twice" in str(form.errors["ends_at"])
    offered = form["ends_at"].as_widget().split('value="')[2:]
    choices = [each.partition('"')[0] for each in offered]
    assert [datetime.fromisoformat(each) for each in choices] == [
        datetime.fromisoformat(each) for each in readings
    ]
    for choice, reading in zip(choices, readings, strict=True):
        send_form(owner_client, ADD, **sent, ends_at_which=choice)
        campaign = Campaign.objects.first()
        assert campaign is not None
        assert campaign.ends_at == datetime.fromisoformat(reading)
        # What is stored says itself which of the two it is: it saves unchanged.
        page = send_form(owner_client, edit(campaign), name="Winter cup II")
        assert page.redirect_chain
        campaign.refresh_from_db()
        assert (campaign.ends_at, campaign.name) == (datetime.fromisoformat(reading), "Winter cup II")


def test_the_other_of_two_hours_is_a_change(owner_client: Client, owner: User, draft: Campaign) -> None:
    lives_in(owner, "Europe/Berlin")
    first = datetime(2027, 10, 31, 0, 30, 7, tzinfo=UTC)
    Campaign.objects.filter(pk=draft.pk).update(ends_at=first, closes_at=first)
    assert send_form(owner_client, edit(draft), ends_at_which="2027-10-31T02:30+02:00").redirect_chain
    draft.refresh_from_db()
    assert draft.ends_at == first
    assert send_form(owner_client, edit(draft), ends_at_which="2027-10-31T02:30+01:00").redirect_chain
    draft.refresh_from_db()
    assert draft.ends_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_two_owners_in_two_zones_shift_nothing(
    owner_client: Client, owner: User, studio: Organization, draft: Campaign
) -> None:
    other = factories.MembershipFactory(organization=studio).user
    lives_in(owner, "Europe/Berlin")
    lives_in(other, "America/Los_Angeles")
    theirs = sign_in(Client(), other)
    before = Campaign.objects.filter(pk=draft.pk).values().get()
    for number, client in enumerate((owner_client, theirs, owner_client)):
        assert send_form(client, edit(draft), info_url=f"https://studio.example.com/{number}").redirect_chain
    after = Campaign.objects.filter(pk=draft.pk).values().get()
    for name in ("announces_at", "starts_at", "ends_at", "closes_at"):
        assert after[name] == before[name]


def test_another_zone_for_this_form_moves_no_date_and_reads_what_is_typed(
    owner_client: Client, owner: User, draft: Campaign
) -> None:
    lives_in(owner, "Europe/Berlin")
    before = draft.starts_at
    page = send_form(owner_client, edit(draft), zone="America/New_York", ends_at="2026-12-10T09:00")
    assert page.redirect_chain
    draft.refresh_from_db()
    assert draft.starts_at == before
    assert draft.ends_at == datetime(2026, 12, 10, 14, 0, tzinfo=UTC)
    owner.refresh_from_db()
    assert owner.time_zone == "Europe/Berlin"


def test_a_form_that_is_shown_again_is_all_in_the_zone_that_was_chosen(
    owner_client: Client, owner: User, draft: Campaign
) -> None:
    """Without a script, only the choice is sent: the dates that were not touched are drawn anew."""
    lives_in(owner, "Europe/Berlin")
    page = send_form(owner_client, edit(draft), zone="Asia/Kathmandu", name="")
    form = page.context["adminform"].form
    assert form["starts_at"].value()[:16] == "2026-11-21T17:45"
    data = {bound.html_name: bound.value() for bound in form if bound.value() is not None}
    hidden = {
        f"initial-{name}": form.data[f"initial-{name}"]
        for name in ("starts_at", "ends_at", "zone", "name", "channels")
    }
    drawn, _ = form_data(owner_client, edit(draft))
    again = drawn | data | hidden | {"name": "Named"}
    assert hidden["initial-zone"] == "Asia/Kathmandu"
    before = draft.starts_at, draft.ends_at
    assert owner_client.post(edit(draft), again, follow=True).redirect_chain
    draft.refresh_from_db()
    assert (draft.starts_at, draft.ends_at, draft.name) == (*before, "Named")


@pytest.mark.parametrize("zone", ["Nowhere", "\0", "../..", "x" * 999])
def test_a_zone_that_is_none_is_refused_at_its_field(
    owner_client: Client, fields: dict[str, Any], zone: str
) -> None:
    page = send_form(owner_client, ADD, **fields, zone=zone)
    if page.status_code == 200:
        assert list(page.context["adminform"].form.errors) == ["zone"]
    assert not Campaign.objects.exists()


@pytest.mark.parametrize("drawn", ["", "nonsense", "\0", "2026-13-01 00:00:00+00:00", "9" * 500])
def test_what_the_form_carries_may_be_nonsense(owner_client: Client, draft: Campaign, drawn: str) -> None:
    data, _ = form_data(owner_client, edit(draft))
    page = owner_client.post(edit(draft), data | {"initial-starts_at": drawn}, follow=True)
    assert page.status_code in (200, 400)


def test_dates_are_drawn_as_a_line_of_what_is_stored_and_of_what_was_sent(
    owner_client: Client, owner: User, fields: dict[str, Any], draft: Campaign
) -> None:
    lives_in(owner, "Europe/Berlin")
    page = words(owner_client.get(edit(draft)))
    assert "dash-timeline" in page
    assert "21 Nov 2026, 13:00 CET" in page
    page = words(send_form(owner_client, ADD, **(fields | {"name": ""})))
    for shown in (
        "28 Nov 2026, 18:00 CET",
        "28 Nov 2026, 17:00 UTC",
        "1 Dec 2026, 18:00 CET",
        "15 Dec 2026, 18:00 CET",
    ):
        assert shown in page
    page = words(send_form(owner_client, ADD, **(fields | {"starts_at": "soon"})))
    assert "not known yet" in page
    assert "dash-timeline" not in page


def test_the_line_moves_while_somebody_types(owner_client: Client, owner: User, draft: Campaign) -> None:
    lives_in(owner, "Europe/Berlin")
    typed = {"starts_at": "2027-03-28T02:30", "ends_at": "2027-10-31T02:30", "grace_days": "1", "zone": ""}
    page = words(owner_client.get("/dashboard/campaigns/dates/", typed))
    assert "There is no 02:30 on 28 Mar 2027" in page
    assert "Which of the two?" in page
    assert "errorlist" not in page
    typed |= {"starts_at": "2027-10-20T18:00", "ends_at_which": "2027-10-31T02:30+01:00"}
    page = words(owner_client.get("/dashboard/campaigns/dates/", typed | {"announcement_days": "2"}))
    assert "1 Nov 2027, 02:30 CET" in page
    assert "1 Nov 2027, 01:30 UTC" in page
    # The choice was between two hours of Berlin: it says nothing in another zone.
    page = words(owner_client.get("/dashboard/campaigns/dates/", typed | {"zone": "America/New_York"}))
    assert "= 31 Oct 2027, 06:30 UTC" in page
    for nonsense in (
        {"zone": "x", "starts_at": "\0"},
        {"starts_at": "9999-12-31T23:59", "grace_days": "9" * 99},
    ):
        assert owner_client.get(f"/dashboard/campaigns/{draft.pk}/dates/", nonsense).status_code == 200


def test_a_campaign_at_midnight_in_utc_is_asked_about_and_moved_by_one_button(
    owner_client: Client, owner: User, draft: Campaign
) -> None:
    lives_in(owner, "America/Los_Angeles")
    start = datetime(2026, 12, 2, tzinfo=UTC)
    Campaign.objects.filter(pk=draft.pk).update(
        starts_at=start,
        ends_at=start + timedelta(days=7),
        announces_at=start - timedelta(days=1),
        closes_at=start + timedelta(days=9),
    )
    checklist = f"/dashboard/campaigns/{draft.pk}/checklist/"
    page = words(owner_client.get(checklist))
    assert "It starts at 00:00 UTC, which is 1 Dec 2026, 16:00 PST in your time zone." in page
    assert "Did you mean 00:00 in America/Los_Angeles, which is 2 Dec 2026, 08:00 UTC?" in page
    assert owner_client.get(f"/dashboard/campaigns/{draft.pk}/midnight/").status_code == 302
    press(owner_client, f"/dashboard/campaigns/{draft.pk}/midnight/")
    press(owner_client, f"/dashboard/campaigns/{draft.pk}/midnight/")
    draft.refresh_from_db()
    moved = timedelta(hours=8)
    assert (draft.announces_at, draft.starts_at, draft.ends_at, draft.closes_at) == (
        start - timedelta(days=1) + moved,
        start + moved,
        start + timedelta(days=7) + moved,
        start + timedelta(days=9) + moved,
    )
    assert "00:00 UTC" not in words(owner_client.get(checklist))
    lives_in(owner, "UTC")
    Campaign.objects.filter(pk=draft.pk).update(starts_at=start)
    assert "00:00 UTC" not in words(owner_client.get(checklist))


def test_next_week_is_at_the_same_time_by_the_owners_clocks(
    owner_client: Client, owner: User, draft: Campaign
) -> None:
    """Clocks in Berlin are put forward on 28 March 2027, between the two weeks."""
    lives_in(owner, "Europe/Berlin")
    start = datetime(2027, 3, 24, 17, 0, tzinfo=UTC)
    Campaign.objects.filter(pk=draft.pk).update(
        starts_at=start,
        ends_at=start + timedelta(days=2),
        announces_at=start,
        closes_at=start + timedelta(days=9),
    )
    data, _ = form_data(owner_client, f"/dashboard/campaigns/{draft.pk}/copy/")
    assert data["starts_at"] == "2027-03-31T18:00"
    send_form(owner_client, f"/dashboard/campaigns/{draft.pk}/copy/")
    made = Campaign.objects.exclude(pk=draft.pk).get()
    assert made.starts_at == datetime(2027, 3, 31, 16, 0, tzinfo=UTC)
    assert made.ends_at - made.starts_at == timedelta(days=2)


@pytest.mark.parametrize(
    "sent",
    [
        {"starts_at": "0001-01-01T00:00+05:00"},
        {"starts_at": "9999-12-31T23:00-05:00"},
        {"starts_at": "0001-01-01T22:00", "announcement_days": "1", "zone": "America/New_York"},
        {"ends_at": "9999-12-31T08:00", "grace_days": "1", "zone": "Asia/Tokyo"},
        {"publish_at": "0001-01-01T00:00", "publish_at_which": "0001-01-01T00:00+05:00"},
        {"initial-starts_at": "0001-01-01T00:00:00+00:00", "zone": "America/New_York"},
        {"initial-starts_at": "9999-12-31T23:59:00+00:00", "zone": "Asia/Tokyo", "initial-zone": "UTC"},
    ],
)
def test_times_at_the_ends_of_the_calendar_are_only_wrong(
    owner_client: Client, draft: Campaign, sent: dict[str, str]
) -> None:
    data, _ = form_data(owner_client, edit(draft))
    assert owner_client.get(f"/dashboard/campaigns/{draft.pk}/dates/", data | sent).status_code == 200
    page = owner_client.post(edit(draft), data | sent)
    # What was never drawn is no time that somebody left as it was: the typed one counts.
    drawn = any(name.startswith("initial-") for name in sent)
    assert drawn or "Choose a year between 2000 and 2100." in words(page)
    draft.refresh_from_db()
    assert {draft.starts_at.year, draft.ends_at.year} == {2026}

"""Notices to viewers: switches, quiet hours, the digest, and the page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from accounts.domain.notices import times, viewers
from accounts.domain.notices.kinds import KINDS
from accounts.models import Notice, NoticeTimes, User
from drops.models import Campaign
from tests import factories
from tests.factories import NOW
from tests.mails import send_notices, text_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def tell(*told: User, campaigns: int = 1, now: object = NOW) -> list[Campaign]:
    made = [factories.CampaignFactory() for _ in range(campaigns)]
    for campaign in made:
        viewers.tell(
            KINDS["viewer_started"], about=campaign, once="", viewers=[user.pk for user in told], now=now
        )
    return made


def test_the_same_is_told_once(viewer: User) -> None:
    (campaign,) = tell(viewer)
    viewers.tell(KINDS["viewer_started"], about=campaign, once="", viewers=[viewer.pk], now=NOW + HOUR)
    assert Notice.objects.filter(user=viewer).count() == 1
    assert len(send_notices()) == 1


def test_one_click_ends_the_kind_and_no_other(viewer: User, client: Client) -> None:
    tell(viewer)
    (message,) = send_notices()
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = message.extra_headers["List-Unsubscribe"].strip("<>").removeprefix("https://drops.test")
    client.post(address, {"List-Unsubscribe": "One-Click"})
    assert {choice.kind.code for choice in viewers.choices(viewer) if not choice.mail} == {
        "viewer_started"
    } | {kind.code for kind in viewers.kinds() if not kind.on_at_first}
    tell(viewer)
    assert send_notices() == []
    assert len(viewers.page_of(user=viewer, before=None)[0]) == 2


def test_mails_to_members_go_out_before_those_to_viewers(viewer: User, owner: User, studio: object) -> None:
    tell(*(factories.UserFactory() for _ in range(5)))
    from accounts.domain.notices.writing import write

    campaign = factories.CampaignFactory(organization=studio)
    write(KINDS["campaign_begins"], about=campaign, once="", now=NOW + HOUR)
    assert send_notices(NOW + HOUR)[0].to == [owner.email]


@pytest.mark.parametrize(
    ("quiet", "hour", "sent"),
    [
        ((22, 7), 23, 7),
        ((22, 7), 3, 7),
        ((22, 7), 12, 12),
        ((9, 17), 12, 17),
        ((9, 17), 17, 17),
        ((9, 17), 8, 8),
    ],
)
def test_in_quiet_hours_mails_wait(viewer: User, quiet: tuple[int, int], hour: int, sent: int) -> None:
    viewer.time_zone = "Europe/Berlin"  # an hour ahead of UTC in November
    viewer.save()
    times.choose(user=viewer, quiet_from=quiet[0], quiet_until=quiet[1], digest_hour=None)
    now = NOW.replace(hour=hour - 1)
    tell(viewer, now=now)
    went_out = [moment for moment in (now + number * HOUR for number in range(24)) if send_notices(moment)]
    assert [(moment.hour + 1) % 24 for moment in went_out] == [sent]


def test_a_digest_is_one_mail_a_day_with_all_of_them(viewer: User) -> None:
    times.choose(user=viewer, quiet_from=None, quiet_until=None, digest_hour=18)
    campaigns = tell(viewer, campaigns=3)
    gone, _other, left = campaigns[0], *campaigns[1:]
    assert send_notices(NOW + 5 * HOUR) == []
    Campaign.objects.filter(pk=gone.pk).update(withdrawn_at=NOW)
    (message,) = send_notices(NOW + 6 * HOUR)
    assert message.subject == "2 notices for you"
    assert f"/campaigns/{left.pk}/" in text_of(message)
    assert gone.pk not in message.body
    assert set(Notice.objects.values_list("end", flat=True)) == {"sent", "outdated"}
    tell(viewer, now=NOW + 7 * HOUR)
    assert send_notices(NOW + 24 * HOUR) == []
    assert [message.subject for message in send_notices(NOW + 30 * HOUR)][:1] != ["2 notices for you"]


def test_a_digest_that_the_server_refuses_loses_nothing(
    viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    times.choose(user=viewer, quiet_from=None, quiet_until=None, digest_hour=18)
    tell(viewer, campaigns=3)

    def refuse(*_: object, **__: object) -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr("config.mail.send", refuse)
        send_notices(NOW + 6 * HOUR)
    assert mail.outbox == []
    (message,) = send_notices(NOW + 7 * HOUR)
    assert message.subject == "3 notices for you"


def test_the_page_shows_nobody_elses_and_pages_by_key(
    viewer: User, client: Client, django_assert_num_queries: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = factories.UserFactory()
    (theirs,) = tell(other)
    client.force_login(viewer)
    client.get("/notices/")
    monkeypatch.setattr(viewers, "PAGE", 3)
    queries = []
    for count in (1, 3):
        own = tell(viewer, campaigns=count)
        client.get("/campaigns/")
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(
            connection,
        ) as context:
            page = client.get("/notices/")
        queries.append(len(context))
        assert own[-1].name in page.content.decode()
        assert theirs.name not in page.content.decode()
    assert queries[0] == queries[1]
    first = page.context["lines"]
    assert len(first) == 3
    second = client.get(f"/notices/?before={page.context['more']}").context["lines"]
    assert len(second) == 1
    assert not {line.notice.pk for line in first} & {line.notice.pk for line in second}
    for nonsense in ("x", "-1", "9" * 40, "²"):
        assert client.get("/notices/", {"before": nonsense}).status_code == 200


def test_what_was_seen_is_not_new_any_more(viewer: User, client: Client) -> None:
    client.force_login(viewer)
    tell(viewer)
    assert "Notices, some are new" in client.get("/settings/notices/").content.decode()
    assert 'class="badge is-info">New' in client.get("/notices/").content.decode()
    assert "some are new" not in client.get("/notices/").content.decode()


def test_what_is_chosen_is_kept(viewer: User, client: Client) -> None:
    client.force_login(viewer)
    client.post(
        "/settings/notices/",
        {"here": ["viewer_started"], "mail": ["viewer_last_chance"], "quiet_from": "22", "quiet_until": "7"},
    )
    assert {choice.kind.code for choice in viewers.choices(viewer) if choice.here} == {"viewer_started"}
    assert {choice.kind.code for choice in viewers.choices(viewer) if choice.mail} == {"viewer_last_chance"}
    chosen = NoticeTimes.objects.get(user=viewer)
    assert (chosen.quiet_from, chosen.quiet_until, chosen.digest_hour) == (22, 7, None)
    page = client.post("/settings/notices/", {"quiet_from": "24"})
    assert page.context["form"].errors

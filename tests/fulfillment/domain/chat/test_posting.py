"""What members get by mail is posted to the organization's chat, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.domain.notices import queue
from accounts.models import AuditEvent, MemberRole, NoticeEnd, Organization, User
from accounts.tasks import purge_notices
from drops.domain.campaigns.phases import note_phase_changes
from drops.models import Campaign
from fulfillment.domain.chat import posting, webhooks
from fulfillment.models import ChatPost, ChatWebhook
from fulfillment.outbound import client
from tests import factories
from tests.factories import NOW
from tests.fulfillment.receiver import Receiver, Reply
from tests.mails import send_notices

pytestmark = pytest.mark.django_db
SECRET = "T000/B000/zzsecret"
ALL = ("campaign_begins", "campaign_ends", "first_day", "endpoint_trouble")


def add(organization: Organization, owner: User, url: str, **more: Any) -> ChatWebhook:
    fields = {"name": "#ops", "shape": "slack", "kinds": ALL, "now": NOW, "actor": owner} | more
    return webhooks.add(organization=organization, url=url, **fields)


@pytest.fixture
def chat(studio: Organization, owner: User, receiver: Receiver) -> ChatWebhook:
    return add(studio, owner, f"{receiver.url}/{SECRET}")


def begin(organization: Organization, name: str = "Storm season") -> Campaign:
    """A campaign whose beginning has just been noted."""
    campaign = factories.CampaignFactory(
        organization=organization,
        name=name,
        announces_at=NOW - timedelta(days=1),
        starts_at=NOW,
        ends_at=NOW + timedelta(days=30),
        closes_at=NOW + timedelta(days=40),
        published_at=NOW - timedelta(days=1),
    )
    note_phase_changes(now=NOW)
    return campaign


def post(now: datetime = NOW) -> int:
    """Twice over: what is posted is posted once."""
    return sum(posting.post_due(clock=lambda: now) for _twice in range(2))


def texts(receiver: Receiver) -> list[str]:
    return [json.loads(each.body)["text"] for each in receiver.received]


def test_what_is_told_is_posted_once_with_a_link(
    chat: ChatWebhook, studio: Organization, receiver: Receiver
) -> None:
    campaign = begin(studio)
    assert post() == 1
    (text,) = texts(receiver)
    line, link = text.split("\n")
    assert line == "Storm season has begun"
    assert link.endswith(f"/dashboard/campaigns/{campaign.pk}/overview/>")
    assert receiver.received[0].headers["Content-Type"] == "application/json"
    chat.refresh_from_db()
    assert (chat.last_status, chat.last_error_class, chat.failures) == (200, "", 0)


def test_only_the_kinds_that_were_chosen_are_posted(
    studio: Organization, owner: User, receiver: Receiver
) -> None:
    add(studio, owner, receiver.url, kinds=["campaign_ends", "proposed", "nothing"])
    assert ChatWebhook.objects.get().kinds == ["campaign_ends"]
    begin(studio)
    assert not ChatPost.objects.exists()
    assert post() == 0


def test_another_organization_posts_nothing_there(
    chat: ChatWebhook, rival_studio: Organization, receiver: Receiver
) -> None:
    begin(rival_studio)
    assert post() == 0
    assert receiver.received == []


def test_a_kind_that_is_unticked_and_a_chat_that_is_deleted_get_what_was_written_no_more(
    chat: ChatWebhook, studio: Organization, owner: User, receiver: Receiver
) -> None:
    begin(studio)
    webhooks.alter(webhook=chat, kinds=["campaign_ends"], now=NOW, actor=owner)
    assert post() == 0
    assert ChatPost.objects.get().end == NoticeEnd.OFF
    begin(studio)
    webhooks.delete(webhook=chat, now=NOW, actor=owner)
    assert post() == 0
    assert receiver.received == []


def test_nothing_leaves_for_a_suspended_organization(
    chat: ChatWebhook, studio: Organization, receiver: Receiver
) -> None:
    begin(studio)
    studio.suspended_at = NOW
    studio.save()
    assert post() == 0
    assert receiver.received == []


def test_a_chat_that_fails_waits_longer_each_time_and_is_turned_off_with_a_mail(
    chat: ChatWebhook, studio: Organization, owner: User, receiver: Receiver
) -> None:
    receiver.answers(500)
    begin(studio)
    send_notices()
    moment = NOW
    for failures, wait in enumerate(queue.WAITS[: posting.MOST_FAILURES - 1], start=1):
        assert post(moment) == 0
        chat.refresh_from_db()
        assert (chat.failures, chat.last_status, chat.last_error_class) == (failures, 500, "status")
        assert len(receiver.received) == failures
        moment += wait
    assert moment - NOW < timedelta(days=1)  # the news is still worth it
    post(moment)
    chat.refresh_from_db()
    assert chat.off_at == moment
    assert ChatPost.objects.get().end == NoticeEnd.OFF
    (message,) = send_notices(moment)
    assert message.subject == "Nothing is posted to a chat of Northlight Games any more"
    assert "zzsecret" not in message.body
    begin(studio, "Another")
    assert ChatPost.objects.count() == 1

    receiver.answers(200)
    webhooks.turn_on(webhook=chat, now=moment, actor=owner)
    begin(studio, "A third")
    assert post() == 1


def test_a_success_forgets_the_failures(chat: ChatWebhook, studio: Organization, receiver: Receiver) -> None:
    receiver.answers(500, 204)
    begin(studio)
    assert post() == 0
    assert post(NOW + queue.WAITS[0]) == 1
    chat.refresh_from_db()
    assert (chat.failures, chat.last_error_class) == (0, "")


def test_a_chat_that_hangs_holds_up_no_other(
    chat: ChatWebhook,
    studio: Organization,
    receiver: Receiver,
    rival_studio: Organization,
    rival_owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "DEADLINE", 0.3)
    over = threading.Event()

    def hang(received: Any) -> Reply:
        if SECRET in received.path:
            over.wait()
        return Reply()

    receiver.decide = hang
    add(rival_studio, rival_owner, f"{receiver.url}/rival")
    for name in ("One", "Two", "Three"):
        begin(studio, name)
    begin(rival_studio)
    try:
        assert post() == 1
    finally:
        over.set()
    # All of the chat that hangs wait after one try.
    assert sum(SECRET in each.path for each in receiver.received) == 1


def test_killed_under_the_lease_it_is_posted_when_the_lease_is_over(
    chat: ChatWebhook, studio: Organization, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(**_: object) -> None:
        raise Killed

    begin(studio)
    with monkeypatch.context() as patch:
        patch.setattr(client, "post", kill)
        with pytest.raises(Killed):
            posting.post_due(clock=lambda: NOW)
    assert post(NOW + queue.LEASE - timedelta(seconds=1)) == 0
    assert post(NOW + queue.LEASE) == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_post_once(chat: ChatWebhook, studio: Organization, receiver: Receiver) -> None:
    for name in ("One", "Two", "Three", "Four"):
        begin(studio, name)
    start = threading.Barrier(4)

    def work() -> int:
        start.wait()
        try:
            return posting.post_due(clock=lambda: NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sum(each.result() for each in [threads.submit(work) for _worker in range(4)]) == 4
    assert len(set(texts(receiver))) == len(receiver.received) == 4


def test_old_posts_are_purged_with_the_notices(
    chat: ChatWebhook, studio: Organization, receiver: Receiver, time_machine: Any
) -> None:
    begin(studio)
    post()
    time_machine.move_to(NOW + queue.KEPT + timedelta(minutes=1))
    assert purge_notices() == 1
    assert not ChatPost.objects.exists()


# The webhook itself


@pytest.mark.parametrize(
    "url",
    ["", "no url", "ftp://hooks.example.com/x", "https://user:pass@hooks.example.com/", "https://10.0.0.1/x",
     "https://localhost/x", "https://hooks.example.com:22/", "https://hooks.example.com/" + "x" * 500],
)  # fmt: skip
def test_an_address_that_no_endpoint_may_have_is_refused(
    studio: Organization, owner: User, url: str, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with pytest.raises(ValidationError):
        add(studio, owner, url)
    assert not ChatWebhook.objects.exists()


def test_plain_http_is_refused_outside_development(studio: Organization, owner: User, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with pytest.raises(ValidationError, match="https://"):
        add(studio, owner, "http://hooks.example.com/x")


def test_the_address_is_kept_encrypted_and_is_in_no_event(chat: ChatWebhook, receiver: Receiver) -> None:
    assert webhooks.url_of(chat) == f"{receiver.url}/{SECRET}"
    assert b"zzsecret" not in bytes(chat.encrypted_url)
    assert "zzsecret" not in str(chat)
    assert "zzsecret" not in str(list(AuditEvent.objects.values()))


def test_an_unknown_shape_and_a_sixth_chat_are_refused(
    studio: Organization, owner: User, receiver: Receiver
) -> None:
    with pytest.raises(ValidationError, match="Slack or Discord"):
        add(studio, owner, receiver.url, shape="irc")
    for _each in range(webhooks.MOST):
        add(studio, owner, receiver.url)
    with pytest.raises(ValidationError, match="at most 5 chats"):
        add(studio, owner, receiver.url)


def test_a_new_address_begins_anew(
    chat: ChatWebhook, owner: User, receiver: Receiver, studio: Organization
) -> None:
    webhooks.turn_off(chat, now=NOW)
    changed = webhooks.alter(webhook=chat, url=f"{receiver.url}/new", now=NOW, actor=owner)
    assert changed.off_at is None
    begin(studio)
    assert post() == 1
    assert receiver.received[0].path.endswith("/new")


@pytest.mark.parametrize("role", [role for role in MemberRole if role not in ("owner", "developer")])
def test_who_may_not_change_endpoints_may_not_change_chats(
    chat: ChatWebhook, studio: Organization, role: MemberRole
) -> None:
    person = factories.MembershipFactory(organization=studio, role=role).user
    verbs: list[Callable[[], object]] = [
        lambda: add(studio, person, "https://hooks.example.com/x"),
        lambda: webhooks.alter(webhook=chat, kinds=[], now=NOW, actor=person),
        lambda: webhooks.delete(webhook=chat, now=NOW, actor=person),
        lambda: webhooks.turn_on(webhook=chat, now=NOW, actor=person),
        lambda: posting.send_test(webhook=chat, now=NOW, actor=person),
    ]
    for verb in verbs:
        with pytest.raises(PermissionDenied):
            verb()


def test_a_test_message_shows_the_answer_and_is_limited(
    chat: ChatWebhook, owner: User, receiver: Receiver
) -> None:
    receiver.answers(Reply(404, body=b"no_service"))
    assert posting.send_test(webhook=chat, now=NOW, actor=owner).status == 404
    chat.refresh_from_db()
    assert (chat.last_status, chat.failures) == (404, 0)
    assert "A test message of Drops for Northlight Games" in texts(receiver)[0]
    for _more in range(webhooks.TESTS_PER_MINUTE - 1):
        posting.send_test(webhook=chat, now=NOW, actor=owner)
    with pytest.raises(ValidationError, match="At most 6 test messages"):
        posting.send_test(webhook=chat, now=NOW, actor=owner)
    assert len(receiver.received) == webhooks.TESTS_PER_MINUTE

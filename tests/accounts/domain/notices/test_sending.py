"""Each notice is sent once, whoever sends it and wherever that stops."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction
from pytest_django import Settings

from accounts.domain import organization_changes, organizations
from accounts.domain.notices import queue, sending, switches
from accounts.domain.notices.kinds import KINDS
from accounts.domain.notices.writing import write
from accounts.domain.organization_changes import CHANGE_OF_ORGANIZATION as KIND
from accounts.domain.users import delete_account
from accounts.models import Membership, Notice, NoticeEnd, Organization, OrganizationChange, User
from accounts.tasks import purge_notices
from tests import factories
from tests.factories import NOW
from tests.mail_server import MailServer, running_mail_server, takes_all
from tests.mails import recipients, send_notices

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """Nothing of ours runs after it, as after `kill -9`."""


def ask(studio: Organization, owner: User, name: str = "Northlight") -> OrganizationChange:
    """One notice to each owner."""
    organizations.change_organization(organization=studio, name=name, now=NOW, actor=owner)
    change = organization_changes.waiting_change(studio)
    assert change is not None
    return change


def run(now: datetime = NOW) -> int:
    return sending.send_due(clock=lambda: now)


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with running_mail_server() as found:
        settings.EMAIL_HOST, settings.EMAIL_PORT = found.server_address
        yield found


def test_each_recipient_gets_a_mail_of_their_own(
    studio: Organization, owner: User, second_owner: User, member: User, rival_owner: User
) -> None:
    ask(studio, owner)
    told = send_notices()
    assert recipients(told) == [owner.email, second_owner.email]
    assert all(len(message.recipients()) == 1 for message in told)
    assert set(Notice.objects.values_list("end", flat=True)) == {NoticeEnd.SENT}


def test_what_is_rolled_back_is_told_to_nobody(studio: Organization, owner: User) -> None:
    with transaction.atomic():
        ask(studio, owner)
        transaction.set_rollback(True)
    assert send_notices() == []


def test_the_same_is_written_once_for_each_recipient(
    studio: Organization, owner: User, second_owner: User
) -> None:
    change = ask(studio, owner)
    for _again in range(2):
        write(KIND, about=change, once="waiting", now=NOW, data={"state": "waiting"})
        write(KIND, about=change, once="waiting", now=NOW, addresses=["ops@example.com", "Ops@Example.com"])
    assert Notice.objects.filter(kind=KIND.code).count() == 3


def test_who_is_no_longer_a_member_is_told_nothing(
    studio: Organization, owner: User, second_owner: User
) -> None:
    ask(studio, owner)
    Membership.objects.filter(user=second_owner).delete()
    assert recipients(send_notices()) == [owner.email]
    assert Notice.objects.get(user=second_owner).end == NoticeEnd.NOT_THEIRS


def test_what_is_no_longer_true_or_gone_or_old_is_not_sent(studio: Organization, owner: User) -> None:
    change = ask(studio, owner)
    assert send_notices(NOW + KIND.good_for) == []
    Notice.objects.update(end="", ended_at=None, next_try_at=NOW)
    organization_changes.withdraw_change(change=change, now=NOW, actor=owner)
    (message,) = send_notices()
    assert "withdrawn" in message.subject
    Notice.objects.update(end="", ended_at=None, next_try_at=NOW, about="999999")
    assert send_notices() == []
    Notice.objects.update(end="", ended_at=None, next_try_at=NOW, kind="forgotten")
    assert send_notices() == []
    assert set(Notice.objects.values_list("end", flat=True)) == {NoticeEnd.OUTDATED}


def test_a_person_without_an_address_is_passed_over(studio: Organization, owner: User) -> None:
    owner.email = ""
    owner.save()
    ask(studio, owner)
    assert send_notices() == []
    assert Notice.objects.get().end == NoticeEnd.NOT_THEIRS


# Kills


def test_killed_between_lease_and_mail_it_is_sent_once_the_lease_is_over(
    studio: Organization, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(studio, owner)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", _kill)
        with pytest.raises(Killed):
            run()
    assert send_notices(NOW + queue.LEASE - timedelta(seconds=1)) == []
    assert len(send_notices(NOW + queue.LEASE)) == 1


def test_killed_between_mail_and_note_it_is_the_same_mail_again(
    studio: Organization, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can know whether the mail server has it. Its Message-ID says that both are one."""
    ask(studio, owner)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "end", _kill)
        with pytest.raises(Killed):
            run()
    send_notices(NOW + queue.LEASE)
    first, second = mail.outbox
    assert first.message()["Message-ID"] == second.message()["Message-ID"]
    assert send_notices(NOW + queue.LEASE * 2) == []


def test_what_kills_every_worker_is_given_up(
    studio: Organization, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(studio, owner)
    moment = NOW
    monkeypatch.setattr(EmailBackend, "send_messages", _kill)
    for _try in range(queue.MOST_TRIES):
        with pytest.raises(Killed):
            run(moment)
        moment += queue.LEASE
    assert run(moment) == 0
    assert Notice.objects.get().end == NoticeEnd.FAILED


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(studio: Organization, owner: User) -> None:
    ask(studio, owner)
    late = queue.take(Notice.objects.all(), now=NOW)
    again = queue.take(Notice.objects.all(), now=NOW + queue.LEASE)
    assert late is not None
    assert again is not None
    assert not queue.put_off(late, now=NOW + queue.LEASE)
    assert not queue.end(late, NoticeEnd.FAILED, now=NOW + queue.LEASE)
    assert queue.end(again, NoticeEnd.SENT, now=NOW + queue.LEASE)
    assert Notice.objects.get().end == NoticeEnd.SENT


def test_a_clock_that_was_ahead_keeps_no_mail_back(studio: Organization, owner: User) -> None:
    ask(studio, owner)
    Notice.objects.update(next_try_at=NOW + timedelta(days=400))
    assert len(send_notices()) == 1


def _kill(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_notice_once(studio: Organization, owner: User) -> None:
    for _more in range(11):
        factories.MembershipFactory(organization=studio)
    ask(studio, owner)
    start = Barrier(4)

    def work() -> int:
        start.wait()
        try:
            return run()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        sent = [future.result() for future in [threads.submit(work) for _worker in range(4)]]
    assert sum(sent) == len(mail.outbox) == 12
    assert len(set(recipients(mail.outbox))) == 12
    assert set(Notice.objects.values_list("tries", flat=True)) == {1}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_writers_at_once_write_each_notice_once(
    studio: Organization, owner: User, second_owner: User
) -> None:
    change = ask(studio, owner)
    Notice.objects.all().delete()
    start = Barrier(4)

    def tell() -> None:
        start.wait()
        try:
            write(KIND, about=change, once="waiting", now=NOW, addresses=["ops@example.com"])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(tell) for _writer in range(4)]:
            future.result()
    assert Notice.objects.count() == 3


# Mail servers


def test_an_address_that_the_server_refuses_holds_up_nobody(
    studio: Organization, owner: User, second_owner: User, server: MailServer
) -> None:
    server.answer = lambda line: "550 nobody here" if f"<{owner.email}>" in line else takes_all(line)
    ask(studio, owner)
    send_notices()
    assert server.taken == [second_owner.email]
    refused = Notice.objects.get(user=owner)
    assert (refused.end, refused.next_try_at) == ("", NOW + queue.WAITS[0])


def test_a_server_that_hangs_at_one_mail_holds_up_the_others_for_one_run(
    studio: Organization, owner: User, second_owner: User, server: MailServer, settings: Settings
) -> None:
    assert settings.EMAIL_TIMEOUT == 10
    settings.EMAIL_TIMEOUT = 0.2
    server.answer = lambda line: None if f"<{owner.email}>" in line else takes_all(line)
    ask(studio, owner)
    assert run() == 0  # the run ends with the first that is not answered
    assert server.asked.is_set()
    assert run() == 1
    assert server.taken == [second_owner.email]


def test_a_server_that_is_away_is_tried_again_and_at_last_given_up(
    studio: Organization, owner: User, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    ask(studio, owner)
    moment = NOW
    for wait in queue.WAITS:
        run(moment)
        moment += wait
        assert Notice.objects.get().next_try_at == moment
    run(moment)
    assert Notice.objects.get().end in (NoticeEnd.FAILED, NoticeEnd.OUTDATED)
    assert moment - NOW < KIND.good_for


def test_whatever_is_wrong_with_one_notice_the_others_are_sent(
    studio: Organization, owner: User, second_owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(studio, owner)
    send = EmailBackend.send_messages

    def fail_for_owner(backend: EmailBackend, messages: list[mail.EmailMessage]) -> int:
        if messages[0].to == [owner.email]:
            raise ValueError("a bad header")
        return send(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", fail_for_owner)
    assert recipients(send_notices()) == [second_owner.email]


def test_a_run_ends_in_time(studio: Organization, owner: User, second_owner: User) -> None:
    ask(studio, owner)
    assert sending.send_due(clock=lambda: NOW, seconds=0) == 0
    assert len(send_notices()) == 2


# What is left


def test_what_was_done_with_long_ago_is_purged(
    studio: Organization, owner: User, second_owner: User, time_machine: Any
) -> None:
    ask(studio, owner)
    send_notices()
    Notice.objects.filter(user=owner).update(end="", ended_at=None, next_try_at=NOW)
    time_machine.move_to(NOW + queue.KEPT)
    assert purge_notices() == 0
    time_machine.move_to(NOW + queue.KEPT + MINUTE)
    assert purge_notices() == 1
    assert Notice.objects.get().user == owner


def test_every_kind_has_words_and_is_tried_for_most_of_a_day() -> None:
    for code, kind in KINDS.items():
        assert code == kind.code
        assert kind.label
        assert kind.words
        assert not kind.in_chat or kind.path
        assert kind.good_for > sum(queue.WAITS[:-2], timedelta())


def test_whoever_deletes_the_account_leaves_no_notice(
    studio: Organization, owner: User, second_owner: User
) -> None:
    ask(studio, owner)
    switches.switch(kind=KIND, recipient=second_owner, organization=studio, on=False, now=NOW)
    delete_account(user=second_owner, now=NOW)
    assert not Notice.objects.filter(user=second_owner).exists()
    assert recipients(send_notices()) == [owner.email]

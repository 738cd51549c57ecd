"""Owners hear by mail that an endpoint fails, is held, or works again: once each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Notice
from fulfillment.domain.delivery.endpoints import change_endpoint, hold_endpoint, release_endpoint
from fulfillment.domain.delivery.notices import write_notices
from fulfillment.models import EndpointNotice
from fulfillment.tasks import tell_owners
from tests import factories
from tests.fulfillment.delivering import deliver_due, make_delivery
from tests.mails import recipients, send_notices

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def subjects(mailoutbox) -> list[str]:
    return [mail.subject for mail in mailoutbox]


def tell(now) -> None:
    """The task, twice over: what is said is said once."""
    for _ in range(2):
        write_notices(now=now)
        send_notices(now)


@pytest.fixture
def failing(endpoint, receiver, owner, now):
    receiver.answers(500)
    make_delivery(endpoint, now)
    deliver_due(now)
    return endpoint


def test_each_stage_is_told_once(failing, receiver, mailoutbox, now):
    tell(now + HOUR - timedelta(seconds=1))
    assert subjects(mailoutbox) == []

    for hours in (1, 2, 24, 48, 72, 100):
        tell(now + hours * HOUR)

    assert [subject.partition(" (")[0] for subject in subjects(mailoutbox)] == [
        "Your webhook has been failing for an hour",
        "Your webhook has been failing for a day",
        "Your webhook has been failing for three days",
    ]


def test_who_could_not_be_told_for_days_is_told_how_it_stands_now(failing, mailoutbox, now):
    tell(now + 80 * HOUR)

    assert subjects(mailoutbox) == ["Your webhook has been failing for three days (Northlight Games)"]


def test_recovery_is_told_to_those_who_were_told_of_the_failure(failing, receiver, mailoutbox, now):
    tell(now + HOUR)
    receiver.answers(200)
    deliver_due(now + 2 * HOUR)
    tell(now + 3 * HOUR)  # the attempt took its time

    assert subjects(mailoutbox)[1:] == ["Your webhook works again (Northlight Games)"]


def test_a_short_failure_is_not_worth_a_mail(failing, receiver, mailoutbox, now):
    receiver.answers(200)
    deliver_due(now + timedelta(minutes=30))
    tell(now + 2 * HOUR)

    assert subjects(mailoutbox) == []


def test_a_second_run_of_failures_is_told_again(failing, endpoint, receiver, mailoutbox, now):
    tell(now + HOUR)
    receiver.answers(200)
    deliver_due(now + 2 * HOUR)
    receiver.answers(500)
    make_delivery(endpoint, now + 3 * HOUR)
    deliver_due(now + 3 * HOUR)
    tell(now + 4 * HOUR)

    assert [subject.split()[2] for subject in subjects(mailoutbox)] == ["has", "works", "has"]


def test_being_held_is_told_at_once(endpoint, receiver, owner, mailoutbox, now):
    receiver.answers(410)
    make_delivery(endpoint, now)
    deliver_due(now)
    tell(now)

    (mail,) = mailoutbox
    assert mail.subject.startswith("Your webhook is held")
    assert "No claim is lost" in mail.body


def test_who_released_an_endpoint_that_still_fails_is_told_again(endpoint, receiver, owner, mailoutbox, now):
    receiver.answers(410)
    make_delivery(endpoint, now)
    deliver_due(now)
    tell(now)
    released = now + 10 * HOUR
    release_endpoint(endpoint=endpoint, actor=owner, now=released)
    receiver.answers(500)
    deliver_due(released)
    tell(released)
    tell(released + HOUR)
    receiver.answers(410)
    deliver_due(released + 2 * HOUR)
    tell(released + 2 * HOUR)

    assert [subject.partition(" (")[0] for subject in subjects(mailoutbox)] == [
        "Your webhook is held: claims wait until you release it",
        "Your webhook is still failing an hour after you released it",
        "Your webhook is held again: claims wait until you release it",
    ]
    for mail in mailoutbox:
        assert f"Failing since: {now:%-d %B %Y, %H:%M} UTC\n" in mail.body
    assert f"Released: {released:%-d %B %Y, %H:%M} UTC\n" in mailoutbox[1].body


@pytest.fixture
def moved(endpoint, receiver, owner, now):
    """To a server that does not answer well, while a claim waits."""
    receiver.answers(500)
    change_endpoint(endpoint=endpoint, url=receiver.url + "/new", actor=owner, now=now)
    make_delivery(endpoint, now)
    deliver_due(now)
    return endpoint


def test_an_endpoint_that_never_verifies_keeps_claims_waiting_and_its_owners_are_told(
    moved, receiver, mailoutbox, now
):
    for hours in range(1, 9 * 24):
        deliver_due(now + hours * HOUR)
        tell(now + hours * HOUR)
    assert [subject.partition(" (")[0] for subject in subjects(mailoutbox)] == [
        "Your webhook has been failing for an hour",
        "Your webhook has been failing for a day",
        "Your webhook has been failing for three days",
    ]

    receiver.answers(200)
    for hours in range(9 * 24, 11 * 24):
        deliver_due(now + hours * HOUR)
    tell(now + 11 * 24 * HOUR)

    assert receiver.received[-1].headers["Kick-Event-Type"] == "drops.claim.created"
    assert subjects(mailoutbox)[3:] == ["Your webhook works again (Northlight Games)"]


def test_moving_a_failing_endpoint_to_a_url_that_works_is_a_recovery(
    failing, receiver, owner, mailoutbox, now
):
    tell(now + HOUR)
    receiver.answers(200)
    change_endpoint(endpoint=failing, url=receiver.url + "/new", actor=owner, now=now + 2 * HOUR)
    deliver_due(now + 2 * HOUR)
    tell(now + 3 * HOUR)  # the attempt took its time

    assert subjects(mailoutbox)[1:] == ["Your webhook works again (Northlight Games)"]


def test_a_hold_by_an_owner_needs_no_mail(failing, owner, mailoutbox, now):
    hold_endpoint(endpoint=failing, actor=owner, now=now)
    tell(now + 100 * HOUR)

    assert subjects(mailoutbox) == []


def test_a_mail_reaches_every_owner_and_nobody_else(
    failing, second_owner, member, rival_owner, mailoutbox, now
):
    factories.MembershipFactory(organization=failing.organization, user__is_active=False)
    tell(now + HOUR)

    assert recipients(mailoutbox) == ["owner@example.com", "second_owner@example.com"]


@pytest.mark.parametrize(
    ("contact", "reached"),
    [
        ("ops@northlight.example", ["ops@northlight.example", "owner@example.com"]),
        ("Owner@Example.com", ["owner@example.com"]),
        ("", ["owner@example.com"]),
    ],
)
def test_the_contact_address_is_written_to_once(failing, mailoutbox, now, contact, reached):
    failing.organization.contact_email = contact
    failing.organization.save()
    tell(now + HOUR)

    assert recipients(mailoutbox) == reached


def test_a_contact_address_that_was_changed_meanwhile_gets_nothing(failing, mailoutbox, now):
    failing.organization.contact_email = "ops@northlight.example"
    failing.organization.save()
    write_notices(now=now + HOUR)
    failing.organization.contact_email = "new@northlight.example"
    failing.organization.save()
    send_notices(now + HOUR)

    assert recipients(mailoutbox) == ["owner@example.com"]


def test_an_organization_without_owners_is_reached_at_its_contact_address(failing, owner, mailoutbox, now):
    owner.is_active = False
    owner.save()
    failing.organization.contact_email = "ops@northlight.example"
    failing.organization.save()
    tell(now + HOUR)

    assert [mail.to for mail in mailoutbox] == [["ops@northlight.example"]]


def test_the_secret_in_a_url_stays_out_of_the_mail(failing, mailoutbox, now):
    failing.refresh_from_db()
    failing.url = "https://game.example.com/hooks?key=abc123"
    failing.save()
    tell(now + HOUR)

    assert f"Endpoint: {failing}\n" in mailoutbox[0].body
    assert "abc123" not in mailoutbox[0].body


def test_two_workers_that_look_at_once_tell_once(failing, mailoutbox, now):
    """And a notice is there if what it is about is, and only then."""
    write_notices(now=now + HOUR)
    write_notices(now=now + HOUR)
    assert Notice.objects.get().about == str(EndpointNotice.objects.get().pk)


def test_the_task_tells(failing, mailoutbox, time_machine, now):
    time_machine.move_to(now + HOUR)
    tell_owners()
    send_notices(now + HOUR)

    assert len(mailoutbox) == 1

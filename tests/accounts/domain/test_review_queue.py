"""Operators are reminded once a day of what has waited for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain import applications, organization_changes, organizations
from accounts.domain.review_queue import remind
from accounts.models import Organization, User
from accounts.tasks import remind_operators
from tests import factories
from tests.factories import NOW
from tests.mails import recipients, send_notices, text_of

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SUBJECT = "Applications and names wait for you"


@pytest.fixture
def applicant(stranger: User) -> Organization:
    return organizations.register_organization(
        founder=stranger,
        name="Polar Games",
        url="",
        connect_url="",
        requested_categories="",
        contact_email="",
        logo=None,
        now=NOW,
    )


def reminded(now: object) -> list[str]:
    """The operators who are, by every run of the task in an hour."""
    assert isinstance(now, type(NOW))
    for minutes in (0, 30, 59):
        remind(now=now + timedelta(minutes=minutes))
    return recipients([each for each in send_notices(now + HOUR) if each.subject == SUBJECT])


def test_what_has_waited_for_a_day_is_told_once_on_each_day(
    applicant: Organization, operator: User, studio: Organization, owner: User
) -> None:
    other = factories.UserFactory(is_staff=True)
    factories.UserFactory(is_staff=True, is_active=False)
    assert reminded(NOW + DAY - HOUR) == []
    both = sorted([operator.email, other.email])
    assert reminded(NOW + DAY) == both
    assert reminded(NOW + DAY + 3 * HOUR) == []
    assert reminded(NOW + 2 * DAY) == both


def test_the_mail_says_how_much_waits_when_it_is_sent(
    applicant: Organization, operator: User, studio: Organization, owner: User
) -> None:
    organizations.change_organization(organization=studio, name="Northlight", now=NOW, actor=owner)
    remind(now=NOW + DAY)
    message = next(each for each in send_notices(NOW + DAY) if each.subject == SUBJECT)
    assert text_of(message).splitlines()[2:4] == ["1 application", "1 new name or logo"]


def test_what_was_answered_or_asked_back_waits_no_more(applicant: Organization, operator: User) -> None:
    applications.ask_back(organization=applicant, question="Whose?", now=NOW + HOUR, actor=operator)
    assert reminded(NOW + 2 * DAY) == []
    founder = applicant.memberships.get().user
    applications.answer(organization=applicant, text="Ours.", now=NOW + 3 * DAY, actor=founder)
    assert reminded(NOW + 3 * DAY + HOUR) == []
    remind(now=NOW + 5 * DAY)
    organizations.approve_organization(organization=applicant, now=NOW + 5 * DAY, actor=operator)
    assert SUBJECT not in [each.subject for each in send_notices(NOW + 5 * DAY)]


def test_a_name_that_was_decided_waits_no_more(studio: Organization, owner: User, operator: User) -> None:
    organizations.change_organization(organization=studio, name="Northlight", now=NOW, actor=owner)
    assert reminded(NOW + DAY) == [operator.email]
    change = organization_changes.waiting_change(studio)
    assert change is not None
    organization_changes.approve_change(change=change, now=NOW + DAY, actor=operator)
    assert reminded(NOW + 2 * DAY) == []


def test_the_task_reminds(applicant: Organization, operator: User, time_machine: object) -> None:
    time_machine.move_to(NOW + DAY)  # type: ignore[attr-defined]
    remind_operators()
    assert SUBJECT in [each.subject for each in send_notices(NOW + DAY)]

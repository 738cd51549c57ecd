"""Who wants which mail, and the link in each that ends its kind."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from accounts.domain import applications, organization_changes, organizations, two_owners
from accounts.domain.notices import switches
from accounts.domain.notices.kinds import KINDS
from accounts.domain.notices.writing import write
from accounts.domain.organization_changes import CHANGE_OF_ORGANIZATION as KIND
from accounts.domain.proposal_notices import LIFTED
from accounts.models import MemberRole, Notice, NoticeEnd, NoticeSwitch, Organization, User
from fulfillment.domain.delivery.notices import ENDPOINT_TROUBLE
from fulfillment.models import EndpointNotice, NoticeKind
from tests import factories
from tests.dashboard import words
from tests.factories import NOW
from tests.mails import recipients, send_notices, text_of

pytestmark = pytest.mark.django_db


def ask(studio: Organization, owner: User, name: str = "Northlight") -> None:
    organizations.change_organization(organization=studio, name=name, now=NOW, actor=owner)


def link_of(message: EmailMessage) -> str:
    """As the mail program finds it; the text has the same."""
    (link,) = re.findall(r"<(.+)>", message.extra_headers["List-Unsubscribe"])
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in message.body
    return urlsplit(link).path


def one_click(link: str) -> int:
    """Without a cookie, as RFC 8058 says, and where a missing token of Django's would be noticed."""
    client = Client(enforce_csrf_checks=True)
    return client.post(link, {"List-Unsubscribe": "One-Click"}).status_code


def test_one_click_ends_the_kind_for_that_person_in_that_organization(
    studio: Organization, owner: User, second_owner: User, rival_studio: Organization
) -> None:
    factories.MembershipFactory(organization=rival_studio, user=second_owner)
    ask(studio, owner)
    link = link_of(next(each for each in send_notices() if each.to == [second_owner.email]))
    assert one_click(link) == one_click(link) == 200

    change = organization_changes.waiting_change(studio)
    assert change is not None
    organization_changes.withdraw_change(change=change, now=NOW, actor=owner)
    ask(rival_studio, second_owner, "Polar Games")
    assert sorted((each.to[0], each.subject) for each in send_notices() if second_owner.email in each.to) == [
        (second_owner.email, "A change of Rival Works waits for approval")
    ]
    assert Notice.objects.filter(user=second_owner, end=NoticeEnd.OFF).count() == 1


def test_opening_the_link_changes_nothing_and_shows_one_button(
    client: Client, studio: Organization, owner: User
) -> None:
    link = switches.link(KIND, owner, studio)
    page = client.get(link)
    assert page.status_code == client.head(link).status_code == 200
    assert "Switch these mails off?" in words(page)
    assert "New name or logo" in words(page)
    (form,) = re.findall(r'<form[^>]*method="post".*?</form>', page.content.decode(), re.DOTALL)
    assert form.count("<button") == 1
    assert page.headers["Cache-Control"] == "no-store"
    assert not NoticeSwitch.objects.exists()
    assert switches.is_on(KIND, owner, studio)


def test_the_page_switches_it_off_and_on_again(client: Client, studio: Organization, owner: User) -> None:
    link = switches.link(KIND, owner, studio)
    assert "These mails are off" in words(client.post(link))
    assert not switches.is_on(KIND, owner, studio)
    assert "Switch these mails off?" in words(client.post(link, {"on": ""}))
    assert switches.is_on(KIND, owner, studio)


@pytest.mark.parametrize("end", ["x", "", "%00", ":", "é"])
def test_a_link_of_nobody_does_nothing(client: Client, studio: Organization, owner: User, end: str) -> None:
    link = switches.link(KIND, owner, studio)
    broken = link.rstrip("/")[:-3] + end + "/"
    for answer in (client.get(broken), client.post(broken)):
        assert answer.status_code in (400, 404)
    assert client.put(link).status_code == 405
    assert not NoticeSwitch.objects.exists()


def test_the_link_of_a_person_who_is_gone_and_of_a_kind_that_is_always_on_does_nothing(
    client: Client, studio: Organization, owner: User
) -> None:
    assert client.post(switches.link(LIFTED, owner, studio)).status_code == 404
    link = switches.link(KIND, owner, studio)
    owner.is_active = False
    owner.save()
    assert client.post(link).status_code == 404
    assert not NoticeSwitch.objects.exists()


def test_an_address_without_an_account_ends_it_too(client: Client, studio: Organization, owner: User) -> None:
    studio.contact_email = "Ops@northlight.example"
    studio.save()
    endpoint = factories.WebhookEndpointFactory(organization=studio)
    for kind in (NoticeKind.FAILING_1H, NoticeKind.FAILING_24H):
        trouble = EndpointNotice.objects.create(
            endpoint=endpoint, kind=kind, failing_since=NOW, created_at=NOW
        )
        address = "ops@northlight.example"
        write_trouble(trouble, address)
        told = send_notices()
        if kind is NoticeKind.FAILING_1H:
            (message,) = told
            assert message.to == ["Ops@northlight.example"]
            assert one_click(link_of(message)) == 200
        else:
            assert told == []


def write_trouble(trouble: EndpointNotice, address: str) -> None:
    organization = trouble.endpoint.organization
    write(
        ENDPOINT_TROUBLE,
        about=trouble,
        once="",
        now=NOW,
        organization=organization,
        people=[],
        addresses=[address],
    )


def test_operators_end_theirs_for_all_organizations(operator: User, stranger: User) -> None:
    def register(name: str) -> None:
        organization = organizations.register_organization(
            founder=stranger,
            name=name,
            url="",
            connect_url="",
            requested_categories="",
            contact_email="",
            logo=None,
            now=NOW,
        )
        applications.refuse(organization=organization, reason="No.", now=NOW, actor=operator)

    register("Polar Games")
    to_operator, _to_founder = send_notices()
    assert one_click(link_of(to_operator)) == 200
    register("Other Games")
    assert recipients(send_notices()) == [stranger.email]


def test_what_concerns_security_has_no_link_and_cannot_be_switched_off(
    studio: Organization, owner: User, second_owner: User, operator: User
) -> None:
    two_owners.turn_on(organization=studio, now=NOW, actor=owner)
    for person in (owner, second_owner):
        switches.switch(kind=LIFTED, recipient=person, organization=studio, on=False, now=NOW)
    two_owners.lift(organization=studio, reason="The other is away.", now=NOW, actor=operator)
    told = send_notices()
    assert recipients(told) == [owner.email, second_owner.email]
    for message in told:
        assert message.subject == "The two-owner rule of Northlight Games was turned off"
        assert "Reason: The other is away." in text_of(message)
        assert "List-Unsubscribe" not in message.extra_headers
        assert "so cannot be switched off" in message.body


def test_a_role_is_offered_the_kinds_that_it_may_get(studio: Organization) -> None:
    def offered(role: MemberRole) -> set[str]:
        return {
            kind.code
            for kind in switches.kinds_of(factories.MembershipFactory(organization=studio, role=role))
        }

    assert "proposed" in offered(MemberRole.OWNER)
    assert {"endpoint_trouble", "app_change", "answered"} <= offered(MemberRole.DEVELOPER)
    assert "proposed" not in offered(MemberRole.DEVELOPER)
    assert "endpoint_trouble" not in offered(MemberRole.ANALYST)
    operators_own = {kind.code for kind in KINDS.values() if kind.for_operators}
    assert not operators_own & offered(MemberRole.OWNER)

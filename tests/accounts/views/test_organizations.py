from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.domain import invitations
from accounts.models import Invitation, MemberRole, Organization, User
from tests import factories
from tests.dashboard import with_second_factor, words
from tests.mails import send_notices

URL = "/settings/organizations/"


@pytest.fixture
def invitation(studio: Organization, owner: User, stranger: User) -> Invitation:
    return invitations.invite(
        organization=studio, invited="stranger", role=MemberRole.OWNER, now=timezone.now(), actor=owner
    )


@pytest.mark.parametrize("button", ["accept", "decline"])
def test_an_invitation_is_answered_on_the_site(
    client: Client, studio: Organization, stranger: User, invitation: Invitation, button: str
) -> None:
    client.force_login(with_second_factor(stranger))
    assert "Northlight Games" in words(client.get(URL))
    page = client.post(f"{URL}invitations/{invitation.pk}/", {button: ""}, follow=True)
    said = "You are now a member of Northlight Games." if button == "accept" else "You declined"
    assert said in words(page)
    assert studio.memberships.filter(user=stranger).exists() == (button == "accept")
    assert "no longer open" in words(
        client.post(f"{URL}invitations/{invitation.pk}/", {button: ""}, follow=True)
    )


def test_who_is_invited_and_opens_the_dashboard_finds_the_invitation(
    client: Client, stranger: User, viewer: User, invitation: Invitation
) -> None:
    client.force_login(stranger)
    assert client.get("/dashboard/").headers["Location"] == URL
    client.force_login(viewer)
    assert client.get("/dashboard/").headers["Location"] == "/dashboard/register/"


def test_the_second_factor_comes_first(
    client: Client, studio: Organization, stranger: User, invitation: Invitation
) -> None:
    client.force_login(stranger)
    page = words(client.get(URL))
    assert 'name="accept"' not in page
    assert 'href="/settings/second-factor/"' in page
    answer = client.post(f"{URL}invitations/{invitation.pk}/", {"accept": ""}, follow=True)
    assert answer.redirect_chain[-1][0] == "/settings/second-factor/"
    assert "Turn on two-factor authentication first." in words(answer)
    assert not studio.memberships.filter(user=stranger).exists()


@pytest.fixture
def link(studio: Organization, owner: User) -> str:
    """In the mail to an address that no account has."""
    by_address = invitations.invite(
        organization=studio,
        invited="friend@example.com",
        role=MemberRole.ANALYST,
        now=timezone.now(),
        actor=owner,
    )
    send_notices(timezone.now())
    (found,) = re.findall(r"http://[^/]+(/settings/organizations/invited/\S+)", mail.outbox[0].body)
    assert invitations.key_of(by_address) in found
    return str(found)


def test_the_mails_link_leads_through_sign_in_to_the_answer(
    client: Client, studio: Organization, viewer: User, link: str
) -> None:
    page = client.get(link)
    assert "Northlight Games invites you" in words(page)
    assert 'href="/accounts/signup/?next=/settings/organizations/"' in words(page)
    assert page.headers["Cache-Control"] == "no-store"
    viewer.set_password("a long secret of the viewer")
    viewer.save()
    EmailAddress.objects.create(user=viewer, email=viewer.email, primary=True, verified=True)
    fields = {"login": viewer.username, "password": "a long secret of the viewer", "next": URL}
    arrived = client.post("/accounts/login/", fields, follow=True)
    assert arrived.redirect_chain[-1][0] == URL
    assert "Northlight Games" in words(arrived)
    with_second_factor(viewer)
    pk = studio.invitations.get().pk
    said = words(client.post(f"{URL}invitations/{pk}/", {"accept": ""}, follow=True))
    assert "You are now a member of Northlight Games." in said
    assert studio.memberships.get(user=viewer).role == MemberRole.ANALYST
    again = Client().get(link)
    assert again.status_code == 404
    assert "no longer open" in words(again)


def test_opening_the_link_accepts_nothing(
    client: Client, studio: Organization, viewer: User, link: str
) -> None:
    client.force_login(with_second_factor(viewer))
    assert client.get(link).headers["Location"] == URL
    assert "Northlight Games" in words(client.get(URL))
    assert client.get("/dashboard/").headers["Location"] == URL
    assert not studio.memberships.filter(user=viewer).exists()
    # Another browser of the same person has to open it too.
    other = Client()
    other.force_login(viewer)
    assert "Northlight Games" not in words(other.get(URL))


@pytest.mark.parametrize("key", ["nonsense", "1:nonsense", "1", "a:b:c"])
def test_what_is_no_key_tells_nothing(client: Client, studio: Organization, link: str, key: str) -> None:
    page = client.get(f"{URL}invited/{key}/")
    assert page.status_code == 404
    assert "Northlight" not in words(page)


def test_others_neither_see_nor_answer_it(client: Client, viewer: User, invitation: Invitation) -> None:
    client.force_login(viewer)
    assert "Northlight Games" not in words(client.get(URL))
    answer = client.post(f"{URL}invitations/{invitation.pk}/", {"accept": ""}, follow=True)
    nobodys = client.post(f"{URL}invitations/987654/", {"accept": ""}, follow=True)
    assert words(answer).count("no longer open") == words(nobodys).count("no longer open") == 1
    assert Invitation.objects.exists()
    assert client.get(f"{URL}invitations/{invitation.pk}/").status_code == 405


def test_a_member_leaves_after_being_asked(client: Client, studio: Organization, member: User) -> None:
    client.force_login(member)
    url = f"{URL}{studio.pk}/leave/"
    assert "Leave Northlight Games?" in words(client.get(url))
    assert studio.memberships.filter(user=member).exists()
    assert "You have left Northlight Games." in words(client.post(url, follow=True))
    assert not studio.memberships.filter(user=member).exists()
    assert client.post(url).status_code == 404


def test_the_last_owner_is_told_why_not(client: Client, studio: Organization, owner: User) -> None:
    client.force_login(owner)
    assert "You are the only owner" in words(client.post(f"{URL}{studio.pk}/leave/", follow=True))
    assert studio.memberships.filter(user=owner).exists()


def test_the_page_costs_the_same_with_more_organizations(
    client: Client, viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(viewer)
    for organizations in (1, 3):
        while viewer.memberships.count() < organizations:
            membership = factories.MembershipFactory(user=viewer)
            Invitation.objects.create(
                organization=factories.OrganizationFactory(),
                role=MemberRole.SUPPORT,
                invited=viewer.username,
                created_at=timezone.now() + timedelta(seconds=1),
                expires_at=timezone.now() + timedelta(days=1),
            )
            assert membership
        with django_assert_num_queries(
            7
        ):  # session, person, factors, addresses, invitations, memberships, header
            assert len(client.get(URL).context["memberships"]) == organizations

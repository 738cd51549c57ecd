from __future__ import annotations

from django.test import Client

from accounts.models import MemberRole, Organization, User
from tests.dashboard import press, send_form, sign_in, with_second_factor, words


def test_a_member_is_added_by_user_name(owner_client: Client, studio: Organization, stranger: User) -> None:
    url = "/dashboard/members/add/"
    page = send_form(owner_client, url, username="nobody_here", role="member")
    assert "There is no account named" in words(page)
    page = send_form(owner_client, url, username="Stranger", role="member")
    assert "two-factor authentication first" in words(page)
    with_second_factor(stranger)
    page = send_form(owner_client, url, username="Stranger", role="member")
    assert "was created" in words(page)
    assert studio.memberships.get(user=stranger).role == MemberRole.MEMBER
    assert "already" in words(send_form(owner_client, url, username="stranger", role="owner"))


def test_nobody_removes_or_demotes_themselves(
    owner_client: Client, studio: Organization, owner: User
) -> None:
    mine = studio.memberships.get(user=owner)
    page = press(owner_client, f"/dashboard/members/{mine.pk}/delete/")
    assert "cannot change or remove yourself" in words(page)
    page = send_form(owner_client, f"/dashboard/members/{mine.pk}/change/", role="member")
    assert "cannot change or remove yourself" in words(page)
    assert studio.memberships.get(user=owner).role == MemberRole.OWNER


def test_another_owner_is_removed(owner_client: Client, studio: Organization, second_owner: User) -> None:
    other = studio.memberships.get(user=second_owner)
    page = press(owner_client, f"/dashboard/members/{other.pk}/delete/")
    assert page.status_code == 200
    assert not studio.memberships.filter(user=second_owner).exists()


def test_a_removed_member_is_out_at_once(
    owner_client: Client, studio: Organization, second_owner: User
) -> None:
    theirs = Client()
    sign_in(theirs, second_owner)
    assert theirs.get("/dashboard/").status_code == 200
    press(owner_client, f"/dashboard/members/{studio.memberships.get(user=second_owner).pk}/delete/")
    assert theirs.get("/dashboard/").headers["Location"] == "/dashboard/register/"

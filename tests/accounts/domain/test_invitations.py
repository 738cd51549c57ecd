"""Nobody becomes a member unasked, and nobody learns from an invitation who has an account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail, signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from accounts.domain import invitations, members, organizations
from accounts.models import AuditEvent, Invitation, MemberRole, Organization, User
from tests import factories
from tests.dashboard import with_second_factor
from tests.mails import recipients, send_notices


@pytest.fixture(autouse=True)
def _here_before(stranger: User, now: datetime) -> None:
    with_second_factor(stranger)
    User.objects.filter(pk=stranger.pk).update(date_joined=now - timedelta(days=1))
    stranger.refresh_from_db()


def invite(studio: Organization, owner: User, now: datetime, name: str = "stranger") -> Invitation:
    return invitations.invite(
        organization=studio, invited=name, role=MemberRole.SUPPORT, now=now, actor=owner
    )


def test_who_is_invited_joins_by_accepting(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now, "Stranger ")
    assert not studio.memberships.filter(user=stranger).exists()
    assert invitations.invitations_for(stranger, now=now).get() == invitation
    invitations.accept(invitation_id=invitation.pk, user=stranger, now=now)
    assert studio.memberships.get(user=stranger).role == MemberRole.SUPPORT
    assert not Invitation.objects.exists()
    assert AuditEvent.objects.get(action="member.joined").actor == stranger


def test_who_declines_does_not_join_and_is_not_named(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now)
    invitations.decline(invitation_id=invitation.pk, user=stranger, now=now)
    assert not studio.memberships.filter(user=stranger).exists()
    assert AuditEvent.objects.get(action="member.declined").actor is None


def test_an_address_invites_once_it_is_confirmed(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invite(studio, owner, now, "Who@Example.com")
    address = EmailAddress.objects.create(user=stranger, email="who@example.com", verified=False)
    assert not invitations.invitations_for(stranger, now=now).exists()
    address.verified = True
    address.save()
    assert invitations.invitations_for(stranger, now=now).exists()


def test_a_username_that_is_taken_afterwards_answers_for_nobody(
    studio: Organization, owner: User, now: datetime
) -> None:
    invite(studio, owner, now, "latecomer")
    late = factories.UserFactory(username="latecomer", date_joined=now + timedelta(minutes=1))
    assert not invitations.invitations_for(late, now=now + timedelta(minutes=2)).exists()


def test_an_invitation_is_answered_by_the_one_it_names_alone(
    studio: Organization, owner: User, rival_owner: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now)
    for answer in (invitations.accept, invitations.decline):
        with pytest.raises(Invitation.DoesNotExist):
            answer(invitation_id=invitation.pk, user=rival_owner, now=now)
    assert Invitation.objects.exists()


@pytest.mark.parametrize("gone", ["expired", "taken back", "suspended"])
def test_an_invitation_that_is_gone_makes_nobody_a_member(
    studio: Organization, owner: User, operator: User, stranger: User, now: datetime, gone: str
) -> None:
    invitation, later = invite(studio, owner, now), now
    key = invitation.pk
    match gone:
        case "expired":
            later = now + invitations.VALID_FOR
        case "taken back":
            invitations.take_back(invitation=invitation, now=now, actor=owner)
        case "suspended":
            organizations.suspend_organization(organization=studio, reason="Fraud", now=now, actor=operator)
    with pytest.raises(Invitation.DoesNotExist):
        invitations.accept(invitation_id=key, user=stranger, now=later)
    assert not studio.memberships.filter(user=stranger).exists()


def test_an_invitation_changes_no_membership_that_is_there(
    studio: Organization, owner: User, member: User, now: datetime
) -> None:
    with_second_factor(owner)
    User.objects.filter(pk=owner.pk).update(date_joined=now - timedelta(days=1))
    owner.refresh_from_db()
    invitation = invite(studio, owner, now, owner.username)
    invitations.accept(invitation_id=invitation.pk, user=owner, now=now)
    assert studio.memberships.get(user=owner).role == MemberRole.OWNER


def test_the_answer_is_the_same_for_every_name(studio: Organization, owner: User, now: datetime) -> None:
    for name in ("stranger", "nobody_at_all", "nobody@example.com"):
        assert invite(studio, owner, now, name).pk
        with pytest.raises(ValidationError, match="already"):
            invite(studio, owner, now, name)


def test_the_role_of_before_is_not_given(
    studio: Organization, owner: User, member: User, second_owner: User, now: datetime
) -> None:
    with pytest.raises(ValidationError, match="no longer given"):
        invitations.invite(
            organization=studio, invited="stranger", role=MemberRole.MEMBER, now=now, actor=owner
        )
    theirs = studio.memberships.get(user=second_owner)
    with pytest.raises(ValidationError, match="no longer given"):
        members.change_role(membership=theirs, role=MemberRole.MEMBER, now=now, actor=owner)
    mine = studio.memberships.get(user=member)
    assert members.change_role(membership=mine, role=MemberRole.MEMBER, now=now, actor=owner) == mine


def test_who_was_invited_as_a_member_of_before_becomes_one(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now)
    Invitation.objects.update(role=MemberRole.MEMBER)
    invitations.accept(invitation_id=invitation.pk, user=stranger, now=now)
    assert studio.memberships.get(user=stranger).role == MemberRole.MEMBER


def test_members_and_strangers_invite_nobody(
    studio: Organization, member: User, rival_owner: User, now: datetime
) -> None:
    for actor in (member, rival_owner):
        with pytest.raises(PermissionDenied):
            invite(studio, actor, now)


def test_an_organization_that_waits_invites_nobody(studio: Organization, owner: User, now: datetime) -> None:
    Organization.objects.filter(pk=studio.pk).update(approved_at=None)
    with pytest.raises(PermissionDenied, match="is waiting for approval"):
        invite(studio, owner, now)


def test_invitations_are_limited(
    studio: Organization, owner: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_OPEN", 2)
    for name in ("one", "two"):
        invite(studio, owner, now, name)
    with pytest.raises(ValidationError, match="Too many"):
        invite(studio, owner, now, "three")
    # Those that expired make room.
    invite(studio, owner, now + invitations.VALID_FOR, "three")


def test_the_mail_goes_out_once_and_only_to_somebody(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    stranger.email = "stranger@example.com"
    stranger.save()
    for name in ("stranger", "nobody_at_all", "friend@example.com"):
        invite(studio, owner, now, name)
    assert recipients(send_notices(now)) == ["friend@example.com", "stranger@example.com"]
    bodies = {message.to[0]: message.body for message in mail.outbox}
    assert {message.subject for message in mail.outbox} == {"Northlight Games invites you on Drops"}
    assert all("Your role would be: support." in body for body in bodies.values())
    assert "/settings/organizations/invited/" in bodies["friend@example.com"]
    # A username is answered by its own account alone.
    assert "/settings/organizations/\n" in bodies["stranger@example.com"]


def test_whoever_holds_the_key_of_an_address_joins_by_any_account(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now, "friend@example.com")
    key, which = (
        invitations.key_of(invitation),
        {"invitation_id": invitation.pk, "user": stranger, "now": now},
    )
    assert invitations.opened_by(key, now=now) == invitation
    with pytest.raises(Invitation.DoesNotExist):
        invitations.accept(**which)
    invitations.accept(**which, key=key)
    assert studio.memberships.get(user=stranger).role == MemberRole.SUPPORT
    # Once.
    with pytest.raises(Invitation.DoesNotExist):
        invitations.opened_by(key, now=now)
    with pytest.raises(Invitation.DoesNotExist):
        invitations.accept(**which, key=key)


def test_a_key_opens_its_own_invitation_alone(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    mine, other = (invite(studio, owner, now, f"{name}@example.com") for name in ("mine", "other"))
    key = invitations.key_of(mine)
    with pytest.raises(Invitation.DoesNotExist):
        invitations.accept(invitation_id=other.pk, user=stranger, now=now, key=key)
    forged = f"{other.pk}:{key.partition(':')[2]}"
    for wrong in ("", "nonsense", forged, key + "x", signing.Signer(salt="other").sign(str(mine.pk))):
        with pytest.raises(Invitation.DoesNotExist):
            invitations.opened_by(wrong, now=now)
    assert list(invitations.invitations_for(stranger, now=now, key=key)) == [mine]
    with pytest.raises(Invitation.DoesNotExist):
        invitations.opened_by(key, now=now + invitations.VALID_FOR)


def test_a_username_has_no_key(studio: Organization, owner: User, now: datetime) -> None:
    assert invitations.key_of(invite(studio, owner, now)) == ""


def test_nobody_joins_without_a_second_factor(
    studio: Organization, owner: User, stranger: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now)
    Authenticator.objects.filter(user=stranger).delete()
    with pytest.raises(ValidationError, match="two-factor"):
        invitations.accept(invitation_id=invitation.pk, user=stranger, now=now)
    assert not studio.memberships.filter(user=stranger).exists()
    invitations.decline(invitation_id=invitation.pk, user=stranger, now=now)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_accounts_with_one_key_make_one_member(
    studio: Organization, owner: User, stranger: User, viewer: User, now: datetime
) -> None:
    invitation = invite(studio, owner, now, "friend@example.com")
    key, barrier = invitations.key_of(invitation), Barrier(2)
    with_second_factor(viewer)

    def accept(user: User) -> bool:
        barrier.wait()
        try:
            invitations.accept(invitation_id=invitation.pk, user=user, now=now, key=key)
        except Invitation.DoesNotExist:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(accept, (stranger, viewer))) == [False, True]
    assert studio.memberships.exclude(user=owner).count() == 1

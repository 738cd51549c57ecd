"""Each member says which mails they want, for each organization of their own."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain import organizations
from accounts.domain.notices import switches
from accounts.domain.notices.kinds import KINDS, Kind
from accounts.models import MemberRole, Membership, NoticeSwitch, Organization, User
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.mails import recipients, send_notices

URL = "/dashboard/notices/"


def save(client: Client, studio: Organization, *ticked: str, **more: str) -> int:
    fields = {FORM_FIELD: studio.pk, **dict.fromkeys(ticked, "on"), **more}
    return client.post(URL, fields).status_code


def switchable(membership: Membership) -> list[str]:
    return [kind.code for kind in switches.kinds_of(membership) if not kind.always]


def test_a_member_switches_a_kind_off_and_gets_no_mail_of_it(
    owner_client: Client, studio: Organization, owner: User, second_owner: User
) -> None:
    page = owner_client.get(URL)
    assert owner.email in words(page)
    assert "It concerns the security of the organization, and so cannot be switched off." in words(page)
    kept = switchable(studio.memberships.get(user=owner))
    kept.remove("organization_change")
    assert save(owner_client, studio, *kept) == 302
    assert NoticeSwitch.objects.get().kind == "organization_change"
    organizations.change_organization(organization=studio, name="Northlight", now=NOW, actor=second_owner)
    assert recipients(send_notices()) == [second_owner.email]

    assert save(owner_client, studio, *kept, "organization_change") == 302
    assert NoticeSwitch.objects.get().is_on


def test_what_is_always_on_is_shown_ticked_and_a_forged_form_leaves_it_on(
    owner_client: Client, studio: Organization, owner: User
) -> None:
    assert save(owner_client, studio) == 302
    chosen = switches.choices(studio.memberships.get(user=owner))
    assert {kind.code for kind, is_on in chosen.items() if is_on} == {
        kind.code for kind in chosen if kind.always
    }
    assert save(owner_client, studio, "application_to_judge", "no_such_kind", proposed="off") == 302
    assert not NoticeSwitch.objects.filter(kind__in=["application_to_judge", "no_such_kind", "proposed"])
    assert not NoticeSwitch.objects.filter(is_on=True)


def test_each_organization_and_each_person_is_apart(
    owner_client: Client, studio: Organization, owner: User, second_owner: User, rival_studio: Organization
) -> None:
    elsewhere = factories.MembershipFactory(organization=rival_studio, user=owner)
    assert save(owner_client, studio) == 302
    for untouched in (elsewhere, studio.memberships.get(user=second_owner)):
        assert all(switches.choices(untouched).values())


def test_a_form_of_another_organization_changes_nothing(
    owner_client: Client, studio: Organization, rival_studio: Organization
) -> None:
    owner_client.post(URL, {FORM_FIELD: rival_studio.pk})
    assert not NoticeSwitch.objects.exists()


@pytest.mark.parametrize("role", MemberRole)
def test_every_role_has_the_page_also_where_the_organization_is_suspended(
    studio: Organization, role: MemberRole, now: datetime
) -> None:
    membership = factories.MembershipFactory(organization=studio, role=role)
    studio.suspended_at = now
    studio.save()
    client = sign_in(Client(), membership.user)
    boxes = {
        kind.code for kind in KINDS.values() if f'name="{kind.code}"' in client.get(URL).content.decode()
    }
    assert boxes == {kind.code for kind in switches.kinds_of(membership)}
    assert save(client, studio) == 302
    assert not any(is_on for kind, is_on in switches.choices(membership).items() if not kind.always)


def test_who_has_no_address_is_told_so(owner_client: Client, owner: User) -> None:
    owner.email = ""
    owner.save()
    assert "no mail reaches you" in words(owner_client.get(URL))


def test_the_page_takes_the_same_queries_whatever_was_chosen(
    owner_client: Client, studio: Organization, owner: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            owner_client.get(URL)
        return len(found)

    before = queries()

    def choose(*wanted: Kind) -> None:
        switches.choose(membership=studio.memberships.get(user=owner), wanted=wanted, now=NOW)

    choose()
    assert queries() == before
    assert NoticeSwitch.objects.count() >= 3

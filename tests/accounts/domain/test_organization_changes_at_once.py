"""Names that are asked for, decided on and withdrawn at the same moment, with real threads on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.domain import apps, names, organization_changes, organizations
from accounts.models import ChangeState, Organization, OrganizationChange, User
from tests import factories

Act = Callable[[], object]


def at_once(*acts: Act) -> list[str]:
    """What was said against each of the acts; empty where it went through."""
    start = Barrier(len(acts))

    def run(act: Act) -> str:
        start.wait()
        try:
            act()
        except ValidationError as refusal:
            return " ".join(refusal.messages)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(acts)) as threads:
        return [done.result() for done in [threads.submit(run, act) for act in acts]]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_a_decision_and_a_withdrawal_at_once_one_counts(
    studio: Organization, owner: User, operator: User, now: datetime
) -> None:
    for attempt in range(5):
        organizations.change_organization(
            organization=studio, name=f"Northlight {attempt}", now=now, actor=owner
        )
        change = organization_changes.waiting_change(studio)
        said = at_once(
            partial(organization_changes.approve_change, change=change, now=now, actor=operator),
            partial(organization_changes.withdraw_change, change=change, now=now, actor=owner),
        )
        assert sorted(bool(each) for each in said) == [False, True]
        studio.refresh_from_db()
        change = OrganizationChange.objects.latest("pk")
        assert (studio.name == change.name) == (change.state == ChangeState.APPROVED)
        assert set(studio.taken_names.values_list("key", flat=True)) <= {names.key_of(studio.name)}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_each_others_names_at_once_neither_waits_for_ever(
    operator: User, now: datetime
) -> None:
    """Each frees what the other wants. PostgreSQL would end one of them if each waited for the other."""
    for attempt in range(5):
        pair = []
        for word in ("Polar", "Rally"):
            membership = factories.MembershipFactory(
                organization__name=f"{word} {attempt}", organization__approved_at=None
            )
            with transaction.atomic():
                names.hold(membership.organization, membership.organization.name)
            pair.append(membership)
        one, other = pair
        said = at_once(
            *(
                partial(
                    organizations.change_organization,
                    organization=mine.organization,
                    name=theirs.organization.name,
                    now=now,
                    actor=mine.user,
                )
                for mine, theirs in ((one, other), (other, one))
            )
        )
        assert any("is taken" in each for each in said)
        held = {
            organization.name: list(organization.taken_names.values_list("key", flat=True))
            for organization in Organization.objects.filter(
                pk__in=[one.organization_id, other.organization_id]
            )
        }
        assert all(keys == [names.key_of(name)] for name, keys in held.items())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_of_a_wanted_name_and_an_app_that_look_alike_one_is_kept(
    studio: Organization, owner: User, rival_studio: Organization, rival_owner: User, now: datetime
) -> None:
    for attempt in range(5):
        said = at_once(
            partial(
                organizations.change_organization,
                organization=studio,
                name=f"Polar {attempt}",
                now=now,
                actor=owner,
            ),
            partial(
                apps.create_app,
                organization=rival_studio,
                name=f"P0lar {attempt}",
                redirect_uris=[],
                now=now,
                actor=rival_owner,
            ),
        )
        assert sorted(bool(each) for each in said) == [False, True]
        assert "is taken" in "".join(said)

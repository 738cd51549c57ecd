from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from accounts.models import MemberRole, User
from tests import factories
from tests.dashboard import sign_in, with_second_factor
from tests.factories import NOW
from tests.isolation.world import MARKER, Belongings


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def own(db: None) -> Belongings:
    return Belongings("own")


@pytest.fixture
def rival(db: None) -> Belongings:
    return Belongings(MARKER)


@pytest.fixture
def as_owner(own: Belongings, client: Client) -> Client:
    sign_in(client, own.owner)
    return client


@pytest.fixture
def reader(own: Belongings) -> User:
    """A member of the own organization who may look, not change."""
    membership = factories.MembershipFactory(
        organization=own.organization, user__username="own_reader", role=MemberRole.MEMBER
    )
    return with_second_factor(membership.user)

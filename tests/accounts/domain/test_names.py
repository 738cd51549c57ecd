from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.domain import apps, organizations
from accounts.domain.names import skeleton
from accounts.models import Organization, User
from tests import factories

LOOK_ALIKES = [
    "Northlight Games",
    "NORTHLIGHT  GAMES",
    "Northlight-Games",
    "N\u043erthl\u0456ght G\u0430mes",  # Cyrillic o, i and a
    "\uff2eorthlight Games",  # full width
    "Nörthlight Gämes",
    "N0rth1ight Games",
    "Northlight Garnes",
    "Northlight\u200b Games",
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_reads_alike_has_one_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton("Northlight Games")


def test_what_reads_differently_has_not() -> None:
    names = ["Northlight Games", "Northlight Game", "Tidepool Interactive", "Polar Games", "\u6771\u4eac"]
    assert len({skeleton(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_an_organization_takes_no_name_that_reads_like_anothers(
    studio: Organization,
    rival_studio: Organization,
    rival_owner: User,
    operator: User,
    now: datetime,
    name: str,
) -> None:
    with pytest.raises(ValidationError, match="looks like it"):
        organizations.change_organization(organization=rival_studio, name=name, now=now, actor=rival_owner)
    waiting = factories.OrganizationFactory(name=name, approved_at=None)
    with pytest.raises(ValidationError, match="looks like it"):
        organizations.approve_organization(organization=waiting, now=now, actor=operator)
    with pytest.raises(ValidationError, match="looks like it"):
        apps.create_app(organization=rival_studio, name=name, redirect_uris=[], now=now, actor=rival_owner)
    assert apps.create_app(organization=studio, name=name, redirect_uris=[], now=now, actor=None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "username", ["admin", "Support", "DROPS", "adm1n", "drops_support", "supp0rt", "root"]
)
def test_nobody_signs_up_with_a_name_of_the_site(client: Client, username: str) -> None:
    form = {"email": "nia@example.com", "username": username, "password1": "nine-lanterns-lit"}
    page = client.post("/accounts/signup/", form)
    assert "reserved" in page.content.decode()
    assert not User.objects.filter(username=username).exists()


@pytest.mark.django_db
def test_a_name_that_only_begins_like_one_is_free(client: Client) -> None:
    form = {"email": "nia@example.com", "username": "drops_fan", "password1": "nine-lanterns-lit"}
    client.post("/accounts/signup/", form)
    assert User.objects.filter(username="drops_fan").exists()

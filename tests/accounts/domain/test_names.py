from __future__ import annotations

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.domain import applications, apps, names, organization_changes, organizations
from accounts.domain.names import skeleton
from accounts.models import OAuthApp, Organization, TakenName, User
from tests import factories

LOOK_ALIKES = [
    "Northlight Games",
    "NORTHLIGHT  GAMES",
    "Northlight-Games",
    "N\u043erthl\u0456ght G\u0430mes",  # Cyrillic o, i and a
    "N\u0585rthlight Games",  # Armenian o
    "\uff2eorthlight Games",  # full width
    "Nörthlight Gämes",
    "N0rth1ight Games",
    "Northlight Garnes",
    "Northlight\u200b Games",
    "Northlight\u3164Games",  # a letter that is drawn as nothing
    "Northlight \U0001f3ae Games",
]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_reads_alike_has_one_skeleton(name: str) -> None:
    assert skeleton(name) == skeleton("Northlight Games")


def test_what_reads_differently_has_not() -> None:
    different = [
        "Northlight Games",
        "Northlight Game",
        "Tidepool Interactive",
        "Polar Games",
        "\u6771\u4eac",
        "\u0915\u092e\u0932",  # of the same consonants as the next one
        "\u0915\u094b\u092e\u0932",
    ]
    assert len({skeleton(name) for name in different}) == len(different)


@pytest.fixture
def named(studio: Organization) -> Organization:
    """The studio, whose name is kept."""
    names.hold(studio, studio.name)
    return studio


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_nobody_takes_a_name_that_reads_like_anothers(
    named: Organization,
    rival_studio: Organization,
    rival_owner: User,
    stranger: User,
    operator: User,
    now: datetime,
    name: str,
) -> None:
    rival_app = factories.OAuthAppFactory(organization=rival_studio)
    waiting = factories.MembershipFactory(organization__approved_at=None).organization
    with pytest.raises(ValidationError, match="looks like it"):
        organizations.register_organization(
            founder=stranger,
            name=name,
            url="",
            connect_url="",
            requested_categories="",
            contact_email="",
            logo=None,
            now=now,
        )
    for organization in (rival_studio, waiting):
        owner = organization.memberships.get().user
        with pytest.raises(ValidationError, match="looks like it"):
            organizations.change_organization(organization=organization, name=name, now=now, actor=owner)
        with pytest.raises(ValidationError, match="looks like it"):
            apps.create_app(organization=organization, name=name, redirect_uris=[], now=now, actor=owner)
    with pytest.raises(ValidationError, match="looks like it"):
        apps.change_app(app=rival_app, name=name, now=now, actor=rival_owner)
    with pytest.raises(ValidationError, match="looks like it"):
        apps.create_app(organization=None, name=name, redirect_uris=[], now=now, actor=operator)
    Organization.objects.filter(pk=waiting.pk).update(name=name)
    with pytest.raises(ValidationError, match="looks like it"):
        organizations.approve_organization(organization=waiting, now=now, actor=operator)
    assert apps.create_app(organization=named, name=name, redirect_uris=[], now=now, actor=None)
    assert TakenName.objects.get().organization == named


def test_nobody_takes_the_name_of_anothers_app(
    studio: Organization, rival_studio: Organization, owner: User, rival_owner: User, now: datetime
) -> None:
    connect, _secret = apps.create_app(
        organization=studio, name="Skyforge", redirect_uris=[], now=now, actor=owner
    )
    for name in ("Skyforge", "SKYF0RGE"):
        with pytest.raises(ValidationError, match="looks like it"):
            apps.create_app(
                organization=rival_studio, name=name, redirect_uris=[], now=now, actor=rival_owner
            )
        with pytest.raises(ValidationError, match="looks like it"):
            organizations.change_organization(
                organization=rival_studio, name=name, now=now, actor=rival_owner
            )
    apps.create_app(organization=studio, name="Skyforge", redirect_uris=[], now=now, actor=owner)
    apps.change_app(app=connect, name="Skyforge Connect", now=now, actor=owner)
    assert kept(studio) == {"Skyforge", "Skyforge Connect"}


def test_the_name_of_an_app_is_free_when_the_app_is_not_called_so_any_longer(
    studio: Organization, rival_studio: Organization, now: datetime
) -> None:
    app, _secret = apps.create_app(
        organization=studio, name="Skyforge", redirect_uris=[], now=now, actor=None
    )
    apps.change_app(app=app, name="Rally", now=now, actor=None)
    apps.create_app(organization=rival_studio, name="Skyforge", redirect_uris=[], now=now, actor=None)
    apps.delete_app(app=app, now=now, actor=None)
    apps.create_app(organization=rival_studio, name="Rally", redirect_uris=[], now=now, actor=None)
    assert (kept(studio), kept(rival_studio)) == (set(), {"Skyforge", "Rally"})


def test_nobody_takes_the_name_of_an_app_of_the_platform(
    studio: Organization, operator: User, now: datetime
) -> None:
    first, _secret = apps.create_app(
        organization=None, name="Streamhub", redirect_uris=[], now=now, actor=operator
    )
    apps.create_app(organization=None, name="Drops", redirect_uris=[], now=now, actor=operator)
    apps.delete_app(app=first, reason="It has another one", now=now, actor=operator)
    for name, said in (("Streamhub", "looks like it"), ("Dr0ps", "reserved")):
        with pytest.raises(ValidationError, match=said):
            apps.create_app(organization=studio, name=name, redirect_uris=[], now=now, actor=None)


def kept(organization: Organization) -> set[str]:
    """Which of the names of these tests are the organization's."""
    known = (
        "Northlight Games",
        "Rival Works",
        "Polar Games",
        "Skyforge",
        "Skyforge Connect",
        "Rally",
        "Streamhub",
    )
    keys = set(organization.taken_names.values_list("key", flat=True))
    return {name for name in known if names.key_of(name) in keys}


def test_a_refused_organization_keeps_no_name_and_a_suspended_one_keeps_all(
    operator: User, now: datetime
) -> None:
    organization = factories.OrganizationFactory(name="Polar Games", approved_at=None)
    app = factories.OAuthAppFactory(organization=organization, name="Skyforge")
    names.hold(organization, "Polar Games")
    assert kept(organization) == {"Polar Games"}

    applications.refuse(organization=organization, reason="No.", now=now, actor=operator)
    assert kept(organization) == set()
    taken = factories.OrganizationFactory(name="Polar Garnes")
    names.hold(taken, taken.name)
    with pytest.raises(ValidationError, match="“Polar Games” is taken"):
        organizations.approve_organization(organization=organization, now=now, actor=operator)

    Organization.objects.filter(pk=taken.pk).update(name="Rival Works")
    names.hold(taken)
    organizations.approve_organization(organization=organization, now=now, actor=operator)
    assert kept(organization) == {"Polar Games", "Skyforge"}
    organizations.suspend_organization(organization=organization, reason="Fraud", now=now, actor=operator)
    assert kept(organization) == {"Polar Games", "Skyforge"}
    OAuthApp.objects.filter(pk=app.pk).update(deleted_at=now)
    names.hold(organization)
    assert kept(organization) == {"Polar Games"}


def test_an_organization_that_waits_keeps_no_names_by_its_apps(
    studio: Organization, operator: User, now: datetime
) -> None:
    waiting = factories.OrganizationFactory(approved_at=None)
    apps.create_app(organization=waiting, name="Skyforge", redirect_uris=[], now=now, actor=None)
    apps.create_app(organization=studio, name="Skyforge", redirect_uris=[], now=now, actor=None)
    with pytest.raises(ValidationError, match="“Skyforge” is taken"):
        organizations.approve_organization(organization=waiting, now=now, actor=operator)
    waiting.refresh_from_db()
    assert not waiting.is_active


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("?…", "needs letters"),
        ("\u3164", "needs letters"),
        ("\U0001f3ae", "needs letters"),
        ("\u202esemaG thgilhtroN", "cannot be seen"),
        ("Northlight\nGames", "one line"),
        ("Drops", "reserved"),
        ("Supp0rt", "reserved"),
        ("Drops Official", "reserved"),
    ],
)
def test_a_name_that_cannot_be_read_or_speaks_for_the_site_is_refused(
    studio: Organization, owner: User, now: datetime, name: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        organizations.change_organization(organization=studio, name=name, now=now, actor=owner)
    assert organization_changes.waiting_change(studio) is None


def test_a_long_name_is_kept_by_what_it_begins_with(studio: Organization) -> None:
    names.hold(studio, "\ufdfa" * 80)  # one letter that stands for eighteen
    assert TakenName.objects.count() == 0  # it is not shown, so it is free again
    Organization.objects.filter(pk=studio.pk).update(name="\ufdfa" * 80)
    names.hold(studio, "\ufdfa" * 80)
    assert len(TakenName.objects.get().key) == 200


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

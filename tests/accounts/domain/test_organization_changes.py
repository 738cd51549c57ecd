"""An approved organization asks for another name or logo; viewers see it once an operator has approved it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.storage import default_storage

from accounts.domain import apps, names, organization_changes, organizations
from accounts.models import AuditEvent, ChangeState, OAuthApp, Organization, OrganizationChange, User

LATER = timedelta(days=1)


@pytest.fixture
def ask(
    studio: Organization, owner: User, now: datetime, django_capture_on_commit_callbacks: Any
) -> Callable[..., OrganizationChange]:
    """Asks for a name, a logo or both, as the settings do."""

    def ask(*, at: datetime = now, **wanted: Any) -> OrganizationChange:
        with django_capture_on_commit_callbacks(execute=True):
            organizations.change_organization(organization=studio, now=at, actor=owner, **wanted)
        change = organization_changes.waiting_change(studio)
        assert change is not None
        return change

    return ask


@pytest.fixture
def decide(operator: User, now: datetime, django_capture_on_commit_callbacks: Any) -> Callable[..., None]:
    def decide(verb: Callable[..., None], change: OrganizationChange, **more: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            verb(change=change, now=now + LATER, **({"actor": operator} | more))

    return decide


refuse = partial(organization_changes.refuse_change, reason="Not your game.")


def events() -> list[tuple[str, dict[str, Any]]]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", "data"))


def is_there(file: str) -> bool:
    assert file
    return default_storage.exists(file)


def test_an_organization_that_waits_for_approval_changes_at_once(
    owner: User, studio: Organization, now: datetime, picture: Any, django_capture_on_commit_callbacks: Any
) -> None:
    Organization.objects.update(approved_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        first = organizations.change_organization(
            organization=studio, name="Northlight", logo=picture, now=now, actor=owner
        )
    assert (first.name, OrganizationChange.objects.count()) == ("Northlight", 0)
    with django_capture_on_commit_callbacks(execute=True):
        second = organizations.change_organization(organization=studio, logo=picture, now=now, actor=owner)
    assert (is_there(first.logo.name), is_there(second.logo.name)) == (False, True)
    assert events() == [
        ("organization.changed", {"name": ["Northlight Games", "Northlight"], "logo": ["", first.logo.name]}),
        ("organization.changed", {"logo": [first.logo.name, second.logo.name]}),
    ]


def test_viewers_see_the_old_name_and_logo_until_an_operator_approves(
    studio: Organization, ask: Any, decide: Any, owner: User, operator: User, now: datetime, picture: Any
) -> None:
    decide(organization_changes.approve_change, ask(logo=picture))
    studio.refresh_from_db()
    old = studio.logo.name

    change = ask(name="Northlight", logo=picture, contact_email="hello@northlight.example")
    studio.refresh_from_db()
    assert (studio.name, studio.logo.name) == ("Northlight Games", old)
    assert studio.contact_email == "hello@northlight.example"  # viewers do not see it
    new = change.logo.name

    decide(organization_changes.approve_change, change)
    studio.refresh_from_db()
    change.refresh_from_db()
    assert studio.name == "Northlight"
    assert (is_there(old), is_there(new), is_there(studio.logo.name)) == (False, False, True)
    assert (change.with_logo, change.logo.name) == (True, "")
    assert (change.state, change.decided_by, change.decided_at) == ("approved", operator, now + LATER)
    both = {"name": ["Northlight Games", "Northlight"], "logo": [old, new]}
    assert events()[2:] == [
        ("organization.change_requested", both),
        ("organization.changed", {"contact_email": ["", "hello@northlight.example"]}),
        ("organization.change_approved", both),
    ]
    assert AuditEvent.objects.filter(organization=studio).count() == 5


def test_what_is_refused_leaves_everything_as_it_was(
    studio: Organization, ask: Any, decide: Any, operator: User, picture: Any
) -> None:
    change = ask(name="Northlight", logo=picture)
    with pytest.raises(ValidationError, match="Give a reason"):
        decide(refuse, change, reason="  ")
    file = change.logo.name
    assert is_there(file)

    decide(refuse, change)
    studio.refresh_from_db()
    change.refresh_from_db()
    assert (studio.name, studio.logo.name) == ("Northlight Games", "")
    assert (change.state, change.reason) == ("refused", "Not your game.")
    assert not is_there(file)
    action, data = events()[-1]
    assert action == "organization.change_refused"
    assert data["name"] == ["Northlight Games", "Northlight"]
    assert data["explanation"] == "Not your game."


def test_owners_withdraw_what_waits(
    studio: Organization,
    ask: Any,
    decide: Any,
    second_owner: User,
    member: User,
    rival_owner: User,
    picture: Any,
) -> None:
    change = ask(name="Northlight", logo=picture)
    for nobody in (member, rival_owner):
        with pytest.raises(PermissionDenied):
            decide(organization_changes.withdraw_change, change, actor=nobody)
    file = change.logo.name
    assert is_there(file)

    decide(organization_changes.withdraw_change, change, actor=second_owner)
    change.refresh_from_db()
    assert (change.state, change.decided_by) == ("withdrawn", second_owner)
    assert not is_there(file)
    assert events()[-1][0] == "organization.change_withdrawn"


def test_only_operators_decide(ask: Any, decide: Any, owner: User) -> None:
    change = ask(name="Northlight")
    for verb in (organization_changes.approve_change, refuse):
        with pytest.raises(PermissionDenied):
            decide(verb, change, actor=owner)
    change.refresh_from_db()
    assert change.state == ChangeState.WAITING


@pytest.mark.parametrize(
    "first",
    [organization_changes.approve_change, refuse, organization_changes.withdraw_change],
    ids=["approved", "refused", "withdrawn"],
)
def test_a_change_is_decided_once(
    first: Any, studio: Organization, ask: Any, decide: Any, owner: User
) -> None:
    change = ask(name="Northlight")
    is_withdrawn = first is organization_changes.withdraw_change
    decide(first, change, **({"actor": owner} if is_withdrawn else {}))
    name = Organization.objects.get(pk=studio.pk).name
    count = len(events())
    for verb, more in (
        (organization_changes.approve_change, {}),
        (refuse, {}),
        (organization_changes.withdraw_change, {"actor": owner}),
    ):
        with pytest.raises(ValidationError, match="no longer waits"):
            decide(verb, change, **more)
    assert Organization.objects.get(pk=studio.pk).name == name
    assert len(events()) == count


def test_who_asks_for_something_else_asks_anew_and_keeps_the_rest(
    studio: Organization, ask: Any, decide: Any, picture: Any
) -> None:
    first = ask(name="Northlight", logo=picture)
    second = ask(name="Polar Games")
    assert (second.name, second.logo.name) == ("Polar Games", first.logo.name)
    third = ask(logo=picture)
    assert third.name == "Polar Games"
    assert (is_there(first.logo.name), is_there(third.logo.name)) == (False, True)
    assert ask(name="Polar Games") == third  # it is asked for already

    # An operator who still looks at the first approves nothing that they have not seen.
    with pytest.raises(ValidationError, match="no longer waits"):
        decide(organization_changes.approve_change, first)
    decide(organization_changes.approve_change, third)
    studio.refresh_from_db()
    assert studio.name == "Polar Games"
    assert is_there(studio.logo.name)


def test_the_name_that_is_asked_for_is_kept_and_the_old_one_too_until_it_is_approved(
    studio: Organization, rival_studio: Organization, ask: Any, decide: Any, owner: User
) -> None:
    names.hold(studio, studio.name)

    def is_free(name: str) -> bool:
        try:
            names.hold(rival_studio, name)
        except ValidationError:
            return False
        names.hold(rival_studio)
        return True

    change = ask(name="Polar Games")
    assert (is_free("P0lar Games"), is_free("Northlight Games")) == (False, False)
    ask(name="Northlight")
    assert (is_free("P0lar Games"), is_free("Northlight")) == (True, False)
    change = ask(name="Polar Games")
    decide(refuse, change)
    assert is_free("Polar Games")
    decide(organization_changes.withdraw_change, ask(name="Polar Games"), actor=owner)
    assert is_free("Polar Games")
    decide(organization_changes.approve_change, ask(name="Polar Games"))
    assert (is_free("Polar Games"), is_free("Northlight Games")) == (False, True)


def test_what_is_wrong_with_a_wanted_name_is_told_at_once(
    studio: Organization, owner: User, now: datetime
) -> None:
    for name in ("", "x" * 81):
        with pytest.raises(ValidationError) as refusal:
            organizations.change_organization(organization=studio, name=name, now=now, actor=owner)
        assert "name" in refusal.value.message_dict
    assert not OrganizationChange.objects.exists()


def test_a_refusal_is_shown_for_a_while(studio: Organization, ask: Any, decide: Any, now: datetime) -> None:
    change = ask(name="Northlight")
    assert organization_changes.change_to_show(studio, now=now) == change
    decide(refuse, change)
    for days, shown in ((2, change), (40, None)):
        assert organization_changes.change_to_show(studio, now=now + timedelta(days=days)) == shown
    decide(organization_changes.approve_change, ask(name="Northlight", at=now + LATER))
    assert organization_changes.change_to_show(studio, now=now + LATER) is None


# Logos of apps


def test_the_logo_of_an_app_waits_beside_the_change_of_its_organization(
    studio: Organization,
    studio_app: OAuthApp,
    ask: Any,
    decide: Any,
    owner: User,
    now: datetime,
    picture: Any,
    viewer: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    own = ask(name="Northlight")
    with django_capture_on_commit_callbacks(execute=True):
        apps.change_app(app=studio_app, name="Companion", logo=picture, now=now, actor=owner)
    studio_app.refresh_from_db()
    assert (studio_app.name, studio_app.logo.name) == ("Companion", "")  # the name is shown at once
    change = organization_changes.waiting_change(studio, studio_app)
    assert change is not None
    assert (change.shown, change.name, is_there(change.logo.name)) == (studio_app, "", True)
    assert organization_changes.waiting_change(studio) == own

    with pytest.raises(PermissionDenied):
        decide(organization_changes.withdraw_change, change, actor=viewer)
    decide(organization_changes.approve_change, change)
    studio_app.refresh_from_db()
    assert is_there(studio_app.logo.name)
    assert studio_app.name == "Companion"
    studio.refresh_from_db()
    assert (studio.name, studio.logo.name) == ("Northlight Games", "")
    assert organization_changes.waiting_change(studio) == own
    assert names.key_of("Companion") in studio.taken_names.values_list("key", flat=True)
    actions = AuditEvent.objects.filter(target_type="accounts.oauthapp").values_list("action", flat=True)
    assert set(actions) == {
        "app.changed",
        "organization.change_requested",
        "organization.change_approved",
    }


def test_an_app_that_is_made_with_a_logo_works_at_once_without_it(
    studio: Organization, owner: User, now: datetime, picture: Any
) -> None:
    app, _secret = apps.create_app(
        organization=studio, name="Companion", redirect_uris=[], now=now, actor=owner, logo=picture
    )
    assert not OAuthApp.objects.get(pk=app.pk).logo
    assert organization_changes.waiting_change(studio, app) is not None


def test_nobody_decides_on_the_logo_of_an_app_that_was_deleted(
    studio: Organization,
    studio_app: OAuthApp,
    decide: Any,
    owner: User,
    now: datetime,
    picture: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    apps.change_app(app=studio_app, logo=picture, now=now, actor=owner)
    change = organization_changes.waiting_change(studio, studio_app)
    assert change is not None
    with django_capture_on_commit_callbacks(execute=True):
        apps.delete_app(app=studio_app, now=now, actor=owner)
    assert not OrganizationChange.objects.exists()
    assert not is_there(change.logo.name)
    with pytest.raises(ValidationError, match="no longer waits"):
        decide(organization_changes.approve_change, change)


def test_the_app_of_an_organization_that_waits_shows_its_logo_at_once(
    studio: Organization,
    studio_app: OAuthApp,
    owner: User,
    now: datetime,
    picture: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    Organization.objects.update(approved_at=None)
    logos = []
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            apps.change_app(app=OAuthApp.objects.get(), logo=picture, now=now, actor=owner)
        logos.append(OAuthApp.objects.get().logo.name)
    assert [is_there(logo) for logo in logos] == [False, True]
    assert events()[-1] == ("app.logo_changed", {"logo": logos})
    assert not OrganizationChange.objects.exists()

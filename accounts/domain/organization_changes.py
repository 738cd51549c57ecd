"""New names and logos of approved organizations, and new logos of their apps: members ask, an operator decides.

Until then viewers see what was approved. A new name is kept for the organization meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain import audit, images, names, permissions
from accounts.domain.notices.kinds import Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.models import ChangeState, OAuthApp, Organization, OrganizationChange, User
from config.locks import lock

LOGO_SIZE = (512, 512)
DECISIONS = {
    ChangeState.APPROVED: "organization.change_approved",
    ChangeState.REFUSED: "organization.change_refused",
    ChangeState.WITHDRAWN: "organization.change_withdrawn",
}
REFUSAL_SHOWN = timedelta(days=30)
_of_change: Mapping[str, Any] = {
    "model": OrganizationChange,
    "related": ("organization", "app", "asked_by", "decided_by"),
    "values": lambda change, _data: {"change": change},
    # Whoever asks anew, or is answered at once, gets a mail about that alone.
    "is_current": lambda change, data, _now: change.state == data["state"],
}
CHANGE_OF_ORGANIZATION = register(
    Kind(
        code="organization_change",
        label=gettext_lazy("New name or logo"),
        words=gettext_lazy("Somebody asks for a new name or logo of the organization, and what comes of it."),
        action=Action.CHANGE_SETTINGS,
        template="accounts/mail/organization_change",
        **_of_change,
    )
)
CHANGE_OF_APP = register(
    Kind(
        code="app_change",
        label=gettext_lazy("New logo of an app"),
        words=gettext_lazy("Somebody asks for a new logo of an OAuth app, and what comes of it."),
        action=Action.CHANGE_APPS,
        template="accounts/mail/organization_change",
        **_of_change,
    )
)
CHANGE_TO_DECIDE = register(
    Kind(
        code="change_to_decide",
        label=gettext_lazy("New names and logos"),
        words=gettext_lazy("An organization asks for a new name or logo."),
        for_operators=True,
        template="accounts/mail/organization_change_to_decide",
        **_of_change,
    )
)


def right_to_ask(app: OAuthApp | None) -> Action:
    return Action.CHANGE_SETTINGS if app is None else Action.CHANGE_APPS


def waiting_change(organization: Organization, app: OAuthApp | None = None) -> OrganizationChange | None:
    """That of the organization itself, or that of its `app`."""
    return organization.changes.filter(app=app, state=ChangeState.WAITING).first()


def change_to_show(
    organization: Organization, app: OAuthApp | None = None, *, now: datetime
) -> OrganizationChange | None:
    """What members see of it: the change that waits, or the last one if it was refused lately."""
    last = organization.changes.filter(app=app).select_related("asked_by").order_by("asked_at", "pk").last()
    if last is None or last.state == ChangeState.WAITING:
        return last
    is_recent = last.decided_at is not None and last.decided_at > now - REFUSAL_SHOWN
    return last if last.state == ChangeState.REFUSED and is_recent else None


def why_not_decide(change: OrganizationChange) -> str:
    """Why it is not to be approved, refused or withdrawn; empty if it is."""
    if change.state == ChangeState.WAITING:
        return ""
    return _("This change no longer waits for a decision. Nothing was changed.")


@transaction.atomic
def request_change(
    *,
    organization: Organization,
    app: OAuthApp | None = None,
    name: str = "",
    logo: File | None,
    now: datetime,
    actor: User,
) -> OrganizationChange:
    """Ask operators for a new name, a new logo or both; an empty `name` or no `logo` leaves it as it is.

    An `app` of the organization has a new logo alone: its name changes at once.

    A request that waits already is withdrawn, and what it asked for besides is asked for again: an operator approves
    what they have seen. ValidationError where another has the name, or `logo` is no picture.
    """
    permissions.require(actor=actor, organization=organization, action=right_to_ask(app))
    organization = lock(organization)
    before = waiting_change(organization, app)
    change = OrganizationChange(
        organization=organization, app=app, name=name, with_logo=bool(logo), asked_by=actor, asked_at=now
    )
    if before is not None:
        if before.name == name and not logo:
            return before
        change.name = name or before.name
        if before.with_logo and not logo:
            change.with_logo, change.logo = True, before.logo.name
            before.logo = ""
        _close(before, ChangeState.WITHDRAWN, now, actor)
    change.full_clean(exclude=["logo"])
    change.save()
    names.hold(organization, *filter(None, [change.name]))
    if logo:  # last of all, so that no refusal leaves a file that nobody names
        images.store(change, "logo", logo, size=LOGO_SIZE, square=True)
        change.save(update_fields=["logo"])
    _record("organization.change_requested", change, actor, now)
    _tell(change, now)
    write(CHANGE_TO_DECIDE, about=change, once="", now=now, data={"state": change.state})
    return change


@transaction.atomic
def withdraw_change(*, change: OrganizationChange, now: datetime, actor: User) -> None:
    """Its members ask for it no longer. ValidationError where it is decided."""
    permissions.require(actor=actor, organization=change.organization, action=right_to_ask(change.app))
    change = _lock(change)
    _close(change, ChangeState.WITHDRAWN, now, actor)
    _tell(change, now)
    names.hold(change.organization)


def forget_change(*, app: OAuthApp) -> None:
    """Of an `app` that is deleted, in the transaction that deletes it."""
    change = app.changes.filter(state=ChangeState.WAITING).first()
    if change is not None:
        images.drop(change.logo)
        change.delete()


@transaction.atomic
def approve_change(*, change: OrganizationChange, now: datetime, actor: User) -> None:
    """Viewers see the new name and logo from now on. ValidationError where it is decided or withdrawn."""
    permissions.require_operator(actor, Action.OPERATE)
    change = _lock(change)
    shown, picture = change.shown, change.logo.name
    _close(change, ChangeState.APPROVED, now, actor)
    shown.name = change.name or shown.name
    if picture:  # copied, so that every file is in one row alone
        images.drop(shown.logo)
        with change.logo.storage.open(picture) as file:
            shown.logo.save(picture, file, save=False)
    shown.save(update_fields=["name", "logo", "updated" if change.app else "updated_at"])
    _tell(change, now)
    names.hold(change.organization)


@transaction.atomic
def refuse_change(*, change: OrganizationChange, reason: str, now: datetime, actor: User) -> None:
    """Everything stays as it is, and its members read `reason`. ValidationError without one, or where it is decided."""
    permissions.require_operator(actor, Action.OPERATE)
    change = _lock(change)
    change.reason = reason.strip()
    if not change.reason:
        raise ValidationError({"reason": _("Give a reason. The organization reads it.")})
    _close(change, ChangeState.REFUSED, now, actor)
    _tell(change, now)
    names.hold(change.organization)


def _lock(change: OrganizationChange) -> OrganizationChange:
    """The change as it is now, if it still waits, with what viewers see: all stay so until the transaction ends."""
    organization = lock(change.organization)
    app = change.app and lock(change.app)
    try:
        change = lock(change)
    except OrganizationChange.DoesNotExist:  # its app was deleted
        raise ValidationError(_("This change no longer waits for a decision. Nothing was changed.")) from None
    change.organization, change.app = organization, app
    if refusal := why_not_decide(change):
        raise ValidationError(refusal)
    return change


def _close(change: OrganizationChange, state: ChangeState, now: datetime, actor: User) -> None:
    """Write the decision down. The picture goes."""
    _record(DECISIONS[state], change, actor, now)
    images.drop(change.logo)
    change.logo = ""
    change.state, change.decided_at, change.decided_by = state, now, actor
    change.full_clean(exclude=["logo"])
    change.save(update_fields=["logo", "state", "decided_at", "decided_by", "reason"])


def _tell(change: OrganizationChange, now: datetime) -> None:
    """Those who may ask for it read what was asked for in their organization's name, and what came of it."""
    kind = CHANGE_OF_ORGANIZATION if change.app is None else CHANGE_OF_APP
    write(kind, about=change, once=change.state, now=now, data={"state": change.state})


def _record(action: str, change: OrganizationChange, actor: User, now: datetime) -> None:
    data: dict[str, object] = {}
    if change.name:
        data["name"] = [change.shown.name, change.name]
    if change.with_logo:
        data["logo"] = [change.shown.logo.name, change.logo.name]
    if change.reason:
        data["explanation"] = change.reason
    audit.record(action, change.shown, by=actor, at=now, data=data)

"""OAuth apps of an organization: their secrets, redirect addresses and their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.domain import (
    app_removals,
    audit,
    images,
    names,
    organization_changes,
    permissions,
    two_owners,
)
from accounts.domain.consequences import Consequence
from accounts.domain.organization_changes import LOGO_SIZE
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, wait_for_second_owner
from accounts.domain.verbs import change, explained, lock_for
from accounts.models import OAuthApp, Organization, Proposal, User
from config.locks import lock

# How long a rotated secret goes on working, so that a studio can roll the new one out.
SECRET_OVERLAP = timedelta(hours=24)

# Sent in the transaction, before `organization` loses its last app. A receiver refuses by ValidationError.
last_app_deleted = Signal()


@transaction.atomic
def create_app(
    *,
    organization: Organization | None,
    name: str,
    redirect_uris: Sequence[str],
    now: datetime,
    actor: User | None,
    logo: File | None = None,
) -> tuple[OAuthApp, str]:
    """Make an app and return it with its client secret, which is never to be seen again.

    Without `organization` the app is the platform's own. The logo of an app of an approved organization waits for an
    operator. Raises ValidationError.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_APPS)
    secret = str(generate_client_secret())
    app = OAuthApp(
        organization=organization,
        is_platform=organization is None,
        name=name,
        redirect_uris=" ".join(redirect_uris),
        client_type=OAuthApp.CLIENT_CONFIDENTIAL,
        authorization_grant_type=OAuthApp.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
    )
    app.full_clean()
    app.save()
    names.hold(organization, name)
    audit.record(
        "app.created", app, by=actor, at=now, data={"name": name, "redirect_uris": list(redirect_uris)}
    )
    if logo:
        _keep_logo(app, logo, now, actor)
    return app, secret


@transaction.atomic
def change_app(
    *,
    app: OAuthApp,
    now: datetime,
    actor: User | None,
    name: str | None = None,
    redirect_uris: Sequence[str] | None = None,
    logo: File | None = None,
) -> None:
    """Change what viewers see of the app and where it may send them; what is left out stays as it is.

    The logo of an app of an approved organization waits for an operator. Raises ValidationError.
    """
    app = _lock(app, actor)
    before = {"name": app.name, "redirect_uris": app.redirect_uris.split()}
    if name is not None:
        app.name = name
    if redirect_uris is not None:
        app.redirect_uris = " ".join(redirect_uris)
    app.full_clean()
    app.save(update_fields=["name", "redirect_uris", "authorization_grant_type", "updated"])
    if app.name != before["name"]:
        names.hold(app.organization, app.name)
    after = {"name": app.name, "redirect_uris": app.redirect_uris.split()}
    if before != after:
        audit.record("app.changed", app, by=actor, at=now, data={"before": before, "after": after})
    if logo:
        _keep_logo(app, logo, now, actor)


@transaction.atomic
def rotate_secret(
    *,
    app: OAuthApp,
    now: datetime,
    actor: User | None,
    overlap: timedelta = SECRET_OVERLAP,
    agreed: Proposal | None = None,
) -> str:
    """Give the app a new client secret and return it, once. The old one works for `overlap` more.

    Zero `overlap` ends the old one at once: for a secret that leaked. ValidationError if the app is deleted,
    SecondOwnerNeeded where the two-owner rule holds.
    """
    app = _lock(app, actor)
    data = {"overlap_hours": overlap // timedelta(hours=1)}
    wait_for_second_owner(ROTATE, app, actor=actor, now=now, agreed=agreed, data=data)
    secret = str(generate_client_secret())
    change(
        app,
        "app.secret_rotated",
        by=actor,
        at=now,
        data={"previous_works_until": (now + overlap).isoformat()},
        previous_client_secret=app.client_secret,
        previous_secret_expires_at=now + overlap,
        client_secret=secret,
    )
    return secret


@transaction.atomic
def delete_app(
    *,
    app: OAuthApp,
    now: datetime,
    actor: User | None,
    reason: str = "",
    agreed: Proposal | None = None,
) -> None:
    """End the app: its secret, tokens and consents stop working at once.

    Viewers who agreed to no other app are unlinked by a task (`app_removals`); nothing counts their links from now on.
    The row stays, since links and audit events speak of it. ValidationError if it is deleted already, or cannot be
    done without, or is the platform's own and no reason is given; SecondOwnerNeeded where the two-owner rule holds.
    """
    app = _lock(app, actor)
    # Whoever has just agreed to the app is waited for, and whoever is about to waits, and finds it deleted.
    list(OAuthApp.objects.select_for_update().filter(pk=app.pk))
    check_deletable(app=app, now=now)
    wait_for_second_owner(DELETE, app, actor=actor, now=now, agreed=agreed)
    app.deleted_at = now
    app.save(update_fields=["deleted_at", "updated"])
    names.hold(app.organization)
    organization_changes.forget_change(app=app)
    app_removals.begin(app=app, now=now, actor=actor)
    data = {"name": app.name}
    if app.is_platform:
        data |= explained(reason)
    audit.record("app.deleted", app, by=actor, at=now, data=data)


def why_not_by_operator(app: OAuthApp, now: datetime) -> str:
    """Why an operator can do nothing to an app."""
    if not app.is_platform:
        return _("The app belongs to an organization. Its owners can change it.")
    return _("%(app)s was deleted.") % {"app": app.name} if app.deleted_at else ""


def of_deleting(app: OAuthApp, now: datetime) -> list[Consequence]:
    """What the end of one of the platform's own apps stops."""
    return [
        Consequence(_("All its tokens and its secret stop working immediately.")),
        Consequence(
            _("What the platform does through it stops: it can report no streams and no viewers by it.")
        ),
    ]


def check_deletable(*, app: OAuthApp, now: datetime) -> None:
    """ValidationError if `app` is the last of its organization, and something needs one."""
    if app.organization is not None and is_last(app):
        last_app_deleted.send(sender=OAuthApp, organization=app.organization, now=now)


def is_last(app: OAuthApp) -> bool:
    others = OAuthApp.objects.filter(organization=app.organization, deleted_at=None).exclude(pk=app.pk)
    return not others.exists()


def _lock(app: OAuthApp, actor: User | None) -> OAuthApp:
    """The app as it is now, and its organization, nobody else's to change; ValidationError if it is deleted."""
    if app.organization is not None:
        lock(app.organization)  # before the app, as all do who lock both
    app = lock_for(app, actor=actor, action=Action.CHANGE_APPS)
    if app.deleted_at is not None:
        raise ValidationError(_("%(app)s was deleted.") % {"app": app.name}, code="deleted")
    return app


def _keep_logo(app: OAuthApp, logo: File, now: datetime, actor: User | None) -> None:
    """Show it on the consent page; where viewers know the organization, once an operator has approved it.

    Last of all, so that no refusal leaves a file that nobody names.
    """
    if app.organization is not None and app.organization.was_approved and actor is not None:
        organization_changes.request_change(
            organization=app.organization, app=app, logo=logo, now=now, actor=actor
        )
        return
    before = app.logo.name
    images.store(app, "logo", logo, size=LOGO_SIZE, square=True)
    change(app, "app.logo_changed", by=actor, at=now, data={"logo": [before, app.logo.name]}, logo=app.logo)


ROTATE = two_owners.register(
    Act(
        code="app.rotate_secret",
        model=OAuthApp,
        action=Action.CHANGE_APPS,
        run=lambda app, proposal, now: rotate_secret(
            app=app,
            now=now,
            actor=proposal.asked_by,
            overlap=timedelta(hours=proposal.data["overlap_hours"]),
            agreed=proposal,
        ),
    )
)
DELETE = two_owners.register(
    Act(
        code="app.delete",
        model=OAuthApp,
        action=Action.CHANGE_APPS,
        run=lambda app, proposal, now: delete_app(app=app, now=now, actor=proposal.asked_by, agreed=proposal),
    )
)

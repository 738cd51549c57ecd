"""OAuth apps of an organization: their secrets, redirect addresses and their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.domain import audit, links, names, permissions, two_owners
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, wait_for_second_owner
from accounts.domain.verbs import change, lock_for
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
    logo: ContentFile | None = None,
) -> tuple[OAuthApp, str]:
    """Make an app and return it with its client secret, which is never to be seen again.

    Without `organization` the app is the platform's own. Raises ValidationError.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_APPS)
    if organization is not None:
        names.refuse_look_alike(name, of=organization)
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
    if logo is not None:
        app.logo.save("logo.webp", logo, save=False)
    app.save()
    audit.record(
        "app.created", app, by=actor, at=now, data={"name": name, "redirect_uris": list(redirect_uris)}
    )
    return app, secret


@transaction.atomic
def change_app(
    *,
    app: OAuthApp,
    now: datetime,
    actor: User | None,
    name: str | None = None,
    redirect_uris: Sequence[str] | None = None,
    logo: ContentFile | None = None,
) -> None:
    """Change what viewers see of the app and where it may send them; what is left out stays as it is.

    Raises ValidationError.
    """
    app = _lock(app, actor)
    before = {"name": app.name, "redirect_uris": app.redirect_uris.split()}
    if name is not None and name != app.name:
        if app.organization is not None:
            names.refuse_look_alike(name, of=app.organization)
        app.name = name
    if redirect_uris is not None:
        app.redirect_uris = " ".join(redirect_uris)
    app.full_clean()
    if logo is not None:
        app.logo.save("logo.webp", logo, save=False)
    app.save(update_fields=["name", "redirect_uris", "authorization_grant_type", "logo", "updated"])
    after = {"name": app.name, "redirect_uris": app.redirect_uris.split()}
    if logo is not None or before != after:
        audit.record("app.changed", app, by=actor, at=now, data={"before": before, "after": after})


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
def delete_app(*, app: OAuthApp, now: datetime, actor: User | None, agreed: Proposal | None = None) -> None:
    """End the app, its tokens and its consents; viewers who agreed to no other app are unlinked.

    The row stays, since links and audit events speak of it. ValidationError if it is deleted already, or cannot be
    done without; SecondOwnerNeeded where the two-owner rule holds.
    """
    if app.organization is not None:
        lock(app.organization)  # two apps that are deleted at once are not each the other's rest
    app = _lock(app, actor)
    check_deletable(app=app, now=now)
    wait_for_second_owner(DELETE, app, actor=actor, now=now, agreed=agreed)
    app.deleted_at = now
    app.save(update_fields=["deleted_at", "updated"])
    unlinked = links.end_all_consents(app=app, now=now)
    audit.record("app.deleted", app, by=actor, at=now, data={"name": app.name, "unlinked_viewers": unlinked})


def check_deletable(*, app: OAuthApp, now: datetime) -> None:
    """ValidationError if `app` is the last of its organization, and something needs one."""
    if app.organization is not None and is_last(app):
        last_app_deleted.send(sender=OAuthApp, organization=app.organization, now=now)


def is_last(app: OAuthApp) -> bool:
    others = OAuthApp.objects.filter(organization=app.organization, deleted_at=None).exclude(pk=app.pk)
    return not others.exists()


def _lock(app: OAuthApp, actor: User | None) -> OAuthApp:
    """The app as it is now, nobody else's to change; ValidationError if it is deleted."""
    app = lock_for(app, actor=actor, action=Action.CHANGE_APPS)
    if app.deleted_at is not None:
        raise ValidationError(_("%(app)s was deleted.") % {"app": app.name}, code="deleted")
    return app


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

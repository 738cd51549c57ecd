"""Organizations: registered by a founder, approved or suspended by an operator, changed by their owners."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.domain import audit, images, names, permissions
from accounts.domain.permissions import Action
from accounts.domain.verbs import change
from accounts.models import (
    AuditEvent,
    MemberRole,
    Membership,
    Organization,
    OrganizationState,
    User,
    new_ulid,
)
from config.locks import lock

LOGO_SIZE = (512, 512)

# Sent in the transaction, before `organization` loses its connection page. A receiver refuses by ValidationError.
connection_page_emptied = Signal()


@transaction.atomic
def register_organization(
    *,
    founder: User,
    name: str,
    url: str,
    connect_url: str,
    requested_category: str,
    contact_email: str,
    logo: File | None,
    now: datetime,
) -> Organization:
    """A new organization that waits for an operator's approval; `founder` is its first owner.

    ValidationError where a field is wrong, or `founder` has another registration waiting.
    """
    # Two registrations at once: the second waits here.
    lock(founder)
    founded = AuditEvent.objects.filter(action="organization.registered", actor=founder)
    if founded.filter(OrganizationState.WAITING.of("organization__")).exists():
        raise ValidationError(_("You have already registered an organization that is waiting for approval."))
    organization = Organization(
        name=name,
        slug=slugify(name)[:60] or "organization",
        url=url,
        connect_url=connect_url,
        requested_category=requested_category,
        contact_email=contact_email,
    )
    _check(organization, logo)
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError:  # another organization has the name, or got it at this very moment
        organization.slug += f"-{new_ulid()[-6:].lower()}"
        organization.save()
    Membership.objects.create(organization=organization, user=founder, role=MemberRole.OWNER, opened_at=now)
    audit.record(
        "organization.registered",
        organization,
        by=founder,
        at=now,
        data={"name": name, "requested_category": requested_category},
    )
    return organization


@transaction.atomic
def change_organization(
    *,
    organization: Organization,
    now: datetime,
    actor: User,
    name: str | None = None,
    url: str | None = None,
    connect_url: str | None = None,
    contact_email: str | None = None,
    logo: File | None = None,
) -> Organization:
    """Change what the organization says of itself; what is left out stays as it is. Raises ValidationError."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_SETTINGS)
    organization = lock(organization)
    wanted = {"name": name, "url": url, "connect_url": connect_url, "contact_email": contact_email}
    changes = {
        field: [getattr(organization, field), value]
        for field, value in wanted.items()
        if value is not None and getattr(organization, field) != value
    }
    if not changes and not logo:
        return organization
    for field, (_before, value) in changes.items():
        setattr(organization, field, value)
    if organization.approved_at is not None and "name" in changes:
        names.refuse_look_alike(organization.name, of=organization)
    if "connect_url" in changes and not connect_url:
        connection_page_emptied.send(sender=Organization, organization=organization, now=now)
    _check(organization, logo)
    organization.save()
    audit.record(
        "organization.changed",
        organization,
        by=actor,
        at=now,
        data={**changes, **({"logo": ["", organization.logo.name]} if logo else {})},
    )
    return organization


@transaction.atomic
def approve_organization(*, organization: Organization, now: datetime, actor: User) -> Organization:
    """Let the organization publish; also ends a suspension. Approving it twice changes nothing.

    ValidationError where its name reads like that of another organization.
    """
    permissions.require_operator(actor, Action.OPERATE)
    organization = lock(organization)
    if organization.is_active:
        return organization
    names.refuse_look_alike(organization.name, of=organization)
    approved_at = organization.approved_at or now
    return change(
        organization, "organization.approved", by=actor, at=now, approved_at=approved_at, suspended_at=None
    )


@transaction.atomic
def suspend_organization(*, organization: Organization, now: datetime, actor: User) -> Organization:
    """Stop the organization from publishing and hide it from viewers, until it is approved again."""
    permissions.require_operator(actor, Action.OPERATE)
    organization = lock(organization)
    if organization.suspended_at is not None:
        return organization
    return change(organization, "organization.suspended", by=actor, at=now, suspended_at=now)


def check_web_address(field: str, address: str) -> None:
    """ValidationError on `field` unless `address` is empty or http(s): what a viewer's browser may be sent to."""
    if address and urlsplit(address).scheme not in ("http", "https"):
        raise ValidationError({field: _("The address must start with https:// (or http://).")})


def _check(organization: Organization, logo: File | None) -> None:
    """ValidationError where a field is wrong; a `logo` is stored, for the row to be saved with it."""
    check_web_address("url", organization.url)
    check_web_address("connect_url", organization.connect_url)
    organization.full_clean(exclude=["logo", "slug"])
    if logo:
        images.store(organization, "logo", logo, size=LOGO_SIZE, square=True)

"""Organizations: registered by a founder, approved or suspended by an operator, changed by their owners."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils.text import slugify
from django.utils.translation import gettext as _, ngettext

from accounts.domain import applications, audit, images, links, names, organization_changes, permissions
from accounts.domain.consequences import MANY, Consequence
from accounts.domain.organization_changes import LOGO_SIZE
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, explained, goes_ahead
from accounts.models import (
    AuditEvent,
    MemberRole,
    Membership,
    Organization,
    OrganizationState,
    StepKind,
    User,
    new_ulid,
)
from config.locks import lock

# Sent in the transaction, before `organization` loses its connection page. A receiver refuses by ValidationError.
connection_page_emptied = Signal()
# Sent before somebody suspends `organization`. A receiver returns the consequences that it knows of.
suspension_asked = Signal()
# Sent in the transaction, with the `organization`, the names of the `categories` that it gets, `now` and `actor`.
application_approved = Signal()

MOST_CATEGORIES = 10
LONGEST_CATEGORY = 120


@transaction.atomic
def register_organization(
    *,
    founder: User,
    name: str,
    url: str,
    connect_url: str,
    requested_categories: str,
    contact_email: str,
    logo: File | None,
    now: datetime,
    plan: str = "",
) -> Organization:
    """A new organization that waits for an operator's approval; `founder` is its first owner.

    `requested_categories` are the names of its games, one on each line; `plan` is what they want to do with Drops.

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
        requested_categories=requested_categories,
        contact_email=contact_email,
    )
    _check(organization)
    try:
        with transaction.atomic():
            organization.save()
    except IntegrityError:  # another organization has the address, or got it at this very moment
        organization.slug += f"-{new_ulid()[-6:].lower()}"
        organization.save()
    names.hold(organization, name)
    _keep_logo(organization, logo)
    Membership.objects.create(organization=organization, user=founder, role=MemberRole.OWNER, opened_at=now)
    audit.record(
        "organization.registered",
        organization,
        by=founder,
        at=now,
        data={"name": name, "requested_category": ", ".join(organization.requested)},
    )
    applications.add_step(organization, StepKind.SENT, plan, now=now, by=founder)
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
    requested_categories: str | None = None,
    logo: File | None = None,
) -> Organization:
    """Change what the organization says of itself; what is left out stays as it is. Raises ValidationError.

    The name and the logo of an organization that was approved wait for an operator (`organization_changes`).
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_SETTINGS)
    organization = lock(organization)
    wanted = {
        "name": name,
        "url": url,
        "connect_url": connect_url,
        "contact_email": contact_email,
        "requested_categories": requested_categories,
    }
    changes = {
        field: [getattr(organization, field), value]
        for field, value in wanted.items()
        if value is not None and getattr(organization, field) != value
    }
    if not changes and not logo:
        return organization
    for field, (_before, value) in changes.items():
        setattr(organization, field, value)
    if "connect_url" in changes and not connect_url:
        connection_page_emptied.send(sender=Organization, organization=organization, now=now)
    _check(organization)
    if organization.was_approved:
        new_name = organization.name if "name" in changes else ""
        if new_name:
            organization.name = changes.pop("name")[0]
        if changes:
            organization.save()
        if new_name or logo:
            organization_changes.request_change(
                organization=organization, name=new_name, logo=logo, now=now, actor=actor
            )
    else:
        organization.save()
        if "name" in changes:
            names.hold(organization, organization.name)
        if logo:
            changes["logo"] = [organization.logo.name, _keep_logo(organization, logo)]
    if changes:
        audit.record("organization.changed", organization, by=actor, at=now, data=changes)
    return organization


@transaction.atomic
def approve_organization(
    *,
    organization: Organization,
    now: datetime,
    actor: User,
    seen: str | None = None,
    categories: Sequence[str] | None = None,
) -> Organization:
    """Let the organization publish; also ends a suspension. Approving it twice changes nothing.

    With its approval it gets the `categories`, all that it asked for if not given. `seen` is the
    `applications.digest` of what the operator looked at. ValidationError where there is another by now, or where
    another organization has its name, the name of one of its apps, or one of the categories.
    """
    permissions.require_operator(actor, Action.OPERATE)
    organization = lock(organization)
    if organization.is_active:
        return organization
    if seen is not None and seen != applications.digest(organization):
        raise ValidationError(_("The application was changed since you opened this page. Look at it again."))
    is_new = not organization.was_approved
    approved_at = organization.approved_at or now
    change(
        organization, "organization.approved", by=actor, at=now, approved_at=approved_at, suspended_at=None
    )
    if is_new:  # one that was approved before has kept its names
        names.hold(organization, *names.shown_by(organization))
        given = organization.requested if categories is None else list(categories)
        application_approved.send(
            sender=Organization, organization=organization, categories=given, now=now, actor=actor
        )
        applications.add_step(organization, StepKind.APPROVED, "\n".join(given), now=now, by=actor)
    return organization


@transaction.atomic
def suspend_organization(
    *, organization: Organization, reason: str, now: datetime, actor: User
) -> Organization:
    """Stop the organization from publishing and hide it from viewers, until it is approved again.

    ValidationError without a reason, which its members read, and for one that waits for approval: it is refused
    instead (`applications.refuse`).
    """
    permissions.require_operator(actor, Action.OPERATE)
    organization = lock(organization)
    if not goes_ahead(why_not_suspend(organization, now)):
        return organization
    data = explained(reason)
    return change(organization, "organization.suspended", by=actor, at=now, data=data, suspended_at=now)


def why_not_suspend(organization: Organization, now: datetime) -> str:
    if organization.state is OrganizationState.WAITING:
        return _("It waits for approval. Refuse it on its own page, with a reason.")
    return "" if organization.suspended_at is None else ALREADY


def of_suspending(organization: Organization, now: datetime) -> list[Consequence]:
    """What stops for viewers, members and apps until the suspension ends."""
    members = organization.memberships.count()
    tokens = organization.oauth_apps.filter(deleted_at=None).count()
    found = [
        Consequence(
            ngettext(
                "%(count)d member can look at everything and change nothing.",
                "%(count)d members can look at everything and change nothing.",
                members,
            )
            % {"count": members}
        )
    ]
    if tokens:
        text = ngettext(
            "The tokens of %(count)d OAuth app stop working.",
            "The tokens of %(count)d OAuth apps stop working.",
            tokens,
        )
        found.append(Consequence(text % {"count": tokens}))
    for _receiver, more in suspension_asked.send(sender=Organization, organization=organization, now=now):
        found += cast("list[Consequence]", more)
    return found


def viewers_of(organization: Organization) -> int:
    """How many viewers its suspension takes something from. Counted no further than MANY."""
    return links.standing().filter(organization=organization)[:MANY].count()


def check_web_address(field: str, address: str) -> None:
    """ValidationError on `field` unless `address` is empty or http(s): what a viewer's browser may be sent to."""
    if address and urlsplit(address).scheme not in ("http", "https"):
        raise ValidationError({field: _("The address must start with https:// (or http://).")})


def _check(organization: Organization) -> None:
    """ValidationError where a field is wrong."""
    check_web_address("url", organization.url)
    check_web_address("connect_url", organization.connect_url)
    _check_categories(organization.requested)
    organization.full_clean(exclude=["logo", "slug"])


def _check_categories(names_of_games: list[str]) -> None:
    if len(names_of_games) > MOST_CATEGORIES:
        refusal = _("Enter at most %(most)d categories.") % {"most": MOST_CATEGORIES}
        raise ValidationError({"requested_categories": refusal})
    if any(len(name) > LONGEST_CATEGORY for name in names_of_games):
        refusal = _("A category has at most %(most)d characters.") % {"most": LONGEST_CATEGORY}
        raise ValidationError({"requested_categories": refusal})


def _keep_logo(organization: Organization, logo: File | None) -> str:
    """Last of all, so that no refusal leaves a file that nobody names. The name of the file."""
    if logo:
        images.store(organization, "logo", logo, size=LOGO_SIZE, square=True)
        organization.save(update_fields=["logo", "updated_at"])
    return str(organization.logo.name)

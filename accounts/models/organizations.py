"""Game studios and the people who work for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.one_line import one_line
from config.ulid import ULIDField, new_ulid

if TYPE_CHECKING:
    from .oauth import OAuthApp


def logo_path(organization: Organization, filename: str) -> str:
    return f"organizations/{new_ulid()}.webp"


def new_logo_path(change: OrganizationChange, filename: str) -> str:
    return f"changes/{new_ulid()}.webp"


class OrganizationState(models.TextChoices):
    WAITING = "waiting", _("Waiting for approval")
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")

    def of(self, way: str = "") -> Q:
        """This state as a condition; `way` leads to the organization ("organization__")."""
        approved, suspended = (
            Q((f"{way}approved_at__isnull", False)),
            Q((f"{way}suspended_at__isnull", False)),
        )
        match self:
            case OrganizationState.SUSPENDED:
                return suspended
            case OrganizationState.ACTIVE:
                return approved & ~suspended
            case OrganizationState.WAITING:
                return ~approved & ~suspended


# `OrganizationState.ACTIVE` in the statements that are written out, for a table that is called "organization".
ORGANIZATION_IS_ACTIVE = "(organization.approved_at IS NOT NULL AND organization.suspended_at IS NULL)"


class Organization(models.Model):
    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    name = models.CharField(_("name"), max_length=80, validators=[one_line])
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    url = models.URLField(_("website"), blank=True)
    logo = models.ImageField(upload_to=logo_path, blank=True)
    connect_url = models.URLField(
        _("connection page"),
        blank=True,
        help_text=_("Viewers are sent here to connect their game accounts. Drops adds ?return_to= to it."),
    )
    contact_email = models.EmailField(_("contact address"), blank=True)
    requested_categories = models.TextField(
        _("requested categories"),
        max_length=1200,
        blank=True,
        help_text=_("The games that the organization asks to claim with its application, one on each line."),
    )
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    suspended_at = models.DateTimeField(_("suspended"), null=True, blank=True)
    two_owners_since = models.DateTimeField(_("two-owner rule since"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        indexes = [
            # The few that wait for an operator.
            models.Index(
                fields=["created_at"],
                condition=Q(approved_at__isnull=True, suspended_at__isnull=True),
                name="organization_waiting",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> OrganizationState:
        if self.suspended_at is not None:
            return OrganizationState.SUSPENDED
        return OrganizationState.WAITING if self.approved_at is None else OrganizationState.ACTIVE

    @property
    def requested(self) -> list[str]:
        """The names of the categories that it asks for, each once."""
        lines = (" ".join(line.split()) for line in self.requested_categories.splitlines())
        return list(dict.fromkeys(filter(None, lines)))

    @property
    def was_approved(self) -> bool:
        """An operator has approved its name and logo. It may be suspended since."""
        return self.approved_at is not None

    @property
    def is_active(self) -> bool:
        return self.state is OrganizationState.ACTIVE


class ChangeState(models.TextChoices):
    WAITING = "waiting", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class OrganizationChange(models.Model):
    """A new name or logo, or both, that an approved organization asks for; or a new logo for its `app`.

    What is asked for never changes. Who wants something else asks anew, and the row that waits is withdrawn.
    The picture is there only while the row waits; `with_logo` stays.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="changes", verbose_name=_("organization")
    )
    app = models.ForeignKey(
        "OAuthApp",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="changes",
        verbose_name=_("OAuth app"),
    )
    name = models.CharField(
        _("new name"), max_length=80, blank=True, validators=[one_line], help_text=_("Empty: the name stays.")
    )
    with_logo = models.BooleanField(_("with a new logo"), default=False)
    logo = models.ImageField(_("new logo"), upload_to=new_logo_path, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked"))
    state = models.CharField(_("state"), max_length=16, choices=ChangeState, default=ChangeState.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    reason = models.TextField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("new name or logo")
        verbose_name_plural = _("new names and logos")
        indexes = [
            models.Index(
                fields=["asked_at"],
                condition=Q(state=ChangeState.WAITING),
                name="organization_change_waiting",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(state=ChangeState.WAITING, app__isnull=True),
                name="organization_change_one_waits",
                violation_error_message=_("Another change of this organization waits for approval."),
            ),
            models.UniqueConstraint(
                fields=["app"],
                condition=Q(state=ChangeState.WAITING),
                name="organization_change_one_of_app_waits",
                violation_error_message=_("Another logo of this app waits for approval."),
            ),
            models.CheckConstraint(
                condition=Q(state=ChangeState.WAITING, decided_at__isnull=True, decided_by__isnull=True)
                | Q(
                    state__in=[ChangeState.APPROVED, ChangeState.REFUSED, ChangeState.WITHDRAWN],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
                name="organization_change_decided_or_waits",
            ),
        ]

    def __str__(self) -> str:
        return str(self.shown)

    @property
    def shown(self) -> Organization | OAuthApp:
        """Whose name and logo viewers see."""
        return self.app or self.organization


class MemberRole(models.TextChoices):
    """What a role may do, and which roles are still given, stands in `accounts.domain.permissions`."""

    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    DEVELOPER = "developer", _("Developer")
    SUPPORT = "support", _("Support")
    ANALYST = "analyst", _("Analyst")
    MEMBER = "member", _("Member (looks only)")


class Membership(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("member"),
    )
    role = models.CharField(_("role"), max_length=16, choices=MemberRole)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # When the member last switched to the organization's dashboard.
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        indexes = [models.Index(fields=["organization", "created_at", "id"], name="membership_by_age")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"],
                name="membership_once_per_organization",
                violation_error_message=_("This person is already a member."),
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Invitation(models.Model):
    """Somebody is asked to become a member. The row goes when it is answered; the audit trail keeps what came of it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    invited = models.CharField(
        _("invited"),
        max_length=254,
        help_text=_("A username or an email address as it was typed, in lower case."),
    )
    role = models.CharField(_("role"), max_length=16, choices=MemberRole)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "invited"],
                name="invitation_once_per_organization",
                violation_error_message=_("This name has already been invited."),
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return self.invited

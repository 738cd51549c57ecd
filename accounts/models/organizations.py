"""Game studios and the people who work for them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.ulid import ULIDField, new_ulid


def logo_path(organization: Organization, filename: str) -> str:
    return f"organizations/{new_ulid()}.webp"


class Organization(models.Model):
    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    url = models.URLField("website", blank=True)
    logo = models.ImageField(upload_to=logo_path, blank=True)
    connect_url = models.URLField(
        "connection page",
        blank=True,
        help_text="Where viewers are sent to connect their game account, with ?return_to= added.",
    )
    contact_email = models.EmailField(blank=True)
    requested_category = models.CharField(
        max_length=120, blank=True, help_text="The game this organization asked to claim at registration."
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.approved_at is not None and self.suspended_at is None


class MemberRole(models.TextChoices):
    OWNER = "owner", "Owner"
    MEMBER = "member", "Member"

    @property
    def may_change(self) -> bool:
        """Owners change things; members look, and take part in test mode."""
        return self is MemberRole.OWNER


class Membership(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="memberships",
        verbose_name=_("member"),
    )
    role = models.CharField(max_length=16, choices=MemberRole, default=MemberRole.OWNER)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"],
                name="membership_once_per_organization",
                violation_error_message="This person is a member already.",
            ),
            models.CheckConstraint(condition=Q(role__in=MemberRole.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

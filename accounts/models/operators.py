"""What operators do that takes two of them, or lasts a while."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.ulid import ULIDField, new_ulid

from .organizations import MemberRole, Organization


class ResetState(models.TextChoices):
    OPEN = "open", _("Waiting for another operator")
    AGREED = "agreed", _("Agreed")
    REFUSED = "refused", _("Refused")


class FactorReset(models.Model):
    """An operator asks that a person's second factor be taken away; another operator agrees or refuses."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="factor_resets")
    reason = models.CharField(max_length=500)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=ResetState, default=ResetState.OPEN)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state=ResetState.OPEN, answered_by__isnull=True, answered_at__isnull=True)
                | Q(
                    state__in=[ResetState.AGREED, ResetState.REFUSED],
                    answered_by__isnull=False,
                    answered_at__isnull=False,
                ),
                name="factor_reset_open_or_answered",
            ),
            models.CheckConstraint(
                condition=~Q(state=ResetState.AGREED, answered_by=models.F("asked_by")),
                name="factor_reset_takes_two_operators",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.reason}"


class OperatorView(models.Model):
    """An operator looks at an organization's dashboard as a member of `role` would, until `ends_at` or earlier."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="operator_views")
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=MemberRole)
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["ends_at"], condition=Q(ended_at__isnull=True), name="operator_view_open"),
        ]

    def __str__(self) -> str:
        return f"{self.operator} at {self.organization}"

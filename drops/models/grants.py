"""Minutes that were given, not watched: a ledger apart from all watch time."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import OAuthApp

from .campaigns import Campaign


class GrantReason(models.TextChoices):
    REHEARSAL = "rehearsal", _("Rehearsal")


class Grant(models.Model):
    """Minutes that a member was given in a campaign in test mode, and by whom.

    They are in no `Progress` and in none of the hourly figures, so no number has them. They earn the one claim of
    what they were given for, and nothing else.
    """

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="grants", verbose_name=_("campaign")
    )
    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="grants", verbose_name=_("viewer")
    )
    minutes = models.PositiveIntegerField(_("minutes"))
    reason = models.CharField(_("reason"), max_length=16, choices=GrantReason)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("granted by"),
    )
    granted_by_app = models.ForeignKey(
        OAuthApp,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("granted by app"),
    )
    at = models.DateTimeField(_("granted"))

    class Meta:
        verbose_name = _("granted minutes")
        verbose_name_plural = _("granted minutes")
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gt=0), name="grant_has_minutes"),
            models.CheckConstraint(condition=Q(reason__in=GrantReason.values), name="grant_reason_known"),
            models.CheckConstraint(
                condition=Q(granted_by__isnull=False, granted_by_app__isnull=True)
                | Q(granted_by__isnull=True, granted_by_app__isnull=False),
                name="grant_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.viewer}, {self.campaign}: {self.minutes} min"

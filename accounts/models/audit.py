"""Who did what, when: state changes are rows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .oauth import OAuthApp
from .organizations import Organization

# What viewers do, and what a studio's server says of each of them: a million rows beside the team's hundred.
OF_VIEWERS = (
    "claims.status_changed",
    "consent.given",
    "link.created",
    "link.ended",
    "link.named",
)


class AuditEvent(models.Model):
    """Append-only. `action` is "<object>.<verb>" ("campaign.published"); `data` holds what changed."""

    at = models.DateTimeField(_("when"), db_index=True)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="audit_events",
        verbose_name=_("organization"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    actor_app = models.ForeignKey(
        OAuthApp, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("app")
    )
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(_("object"), max_length=64)
    data = models.JSONField(default=dict)
    # Where the request came from. Of viewers nothing is kept.
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("browser"), max_length=200, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes = [
            models.Index(fields=["organization", "-at", "-id"], name="audit_by_organization"),
            models.Index(
                fields=["organization", "-at", "-id"],
                condition=~models.Q(action__in=OF_VIEWERS),
                name="audit_of_the_team",
            ),
            models.Index(fields=["target_id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_id}"

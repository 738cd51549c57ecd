"""The keys that webhooks are signed with."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SigningKey(models.Model):
    """An RSA key that webhooks are signed with. `private_key` is encrypted; empty where a file holds it."""

    public_key = models.TextField(_("public key"), help_text=_("In PEM format."))
    private_key = models.BinaryField(default=bytes, editable=False)
    created_at = models.DateTimeField(_("created"))
    published_at = models.DateTimeField(_("published"), help_text=_("When the key is published."))
    active_from = models.DateTimeField(
        _("active"), help_text=_("When webhooks are first signed with the key.")
    )
    retired_at = models.DateTimeField(
        _("retired"), null=True, blank=True, help_text=_("When the key is no longer used.")
    )

    class Meta:
        ordering = ["-active_from"]
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_from__gte=F("published_at")), name="signing_key_published_first"
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(retired_at__gt=F("active_from")),
                name="signing_key_retired_last",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

"""The keys that webhooks are signed with."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SigningKey(models.Model):
    """An RSA key that webhooks are signed with. `private_key` is encrypted; empty where a file holds it."""

    public_key = models.TextField(help_text=_("SPKI PEM"))
    private_key = models.BinaryField(default=bytes, editable=False)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(help_text=_("From when it is the published key."))
    active_from = models.DateTimeField(help_text=_("From when webhooks are signed with it first."))
    retired_at = models.DateTimeField(null=True, blank=True, help_text=_("From when it is not used at all."))

    class Meta:
        ordering = ["-active_from"]
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
        return f"Key {self.pk}"

"""Calls of the API that must not be done twice."""

from __future__ import annotations

from django.db import models

from .oauth import OAuthApp


class IdempotentCall(models.Model):
    """What was answered to an app's `Idempotency-Key`. Committed with what the call did."""

    app = models.ForeignKey(OAuthApp, on_delete=models.CASCADE, related_name="idempotent_calls")
    key = models.CharField(max_length=255)
    # SHA-256 of method, address and body.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["app", "key"], name="idempotent_call_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.app}"

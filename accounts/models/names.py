"""Names that viewers trust."""

from __future__ import annotations

from django.db import models

from .organizations import Organization


class TakenName(models.Model):
    """A name as the eye reads it (`accounts.domain.names`). It belongs to one organization, or to the platform itself.

    One table holds the names of organizations, those that wait for approval, and the names of apps. So one
    unique index keeps all of them apart.
    """

    key = models.CharField(primary_key=True, max_length=200)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="taken_names"
    )

    def __str__(self) -> str:
        return self.key

"""Uploaded files that were replaced."""

from __future__ import annotations

from django.db import models


class ReplacedFile(models.Model):
    """A file that no row names any more. It is kept for a while, since pages, mails and caches still name it."""

    name = models.CharField(primary_key=True, max_length=200)
    replaced_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

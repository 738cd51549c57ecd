"""Addresses of uploaded pictures for programs elsewhere."""

from django.conf import settings
from django.db.models.fields.files import FieldFile


def media_url(file: FieldFile) -> str:
    """The absolute address of `file`, "" where there is none."""
    return f"{settings.SITE_URL}{file.url}" if file else ""

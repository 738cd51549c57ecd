"""Uploaded files that no row names: of an upload whose row was not written, or of a picture that was replaced."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import structlog
from django.apps import apps
from django.core.files.storage import Storage
from django.db.models import FileField

logger = structlog.get_logger(__name__)

# At one time.
MOST = 10_000


def delete_unused_files(*, before: datetime) -> int:
    """Delete the files that no row names and that were written before `before`; returns how many there were.

    The row of a file is written within moments after it. So leave a day: what is as old as that and in no row
    now will be in none.
    """
    deleted = 0
    for (storage, folder), fields in _folders().items():
        for name in _unnamed(storage, folder, fields):
            if deleted == MOST:
                break
            try:
                is_old = storage.get_modified_time(name) < before
            except FileNotFoundError:  # whoever replaced the picture has deleted it meanwhile
                continue
            if is_old:
                storage.delete(name)
                deleted += 1
    logger.info("unused_files_deleted", count=deleted)
    return deleted


def _folders() -> dict[tuple[Storage, str], list[FileField]]:
    """The fields that keep their files in each folder. Other folders of a storage are not ours."""
    found: defaultdict[tuple[Storage, str], list[FileField]] = defaultdict(list)
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                folder = posixpath.dirname(field.generate_filename(model(), "file"))
                found[field.storage, folder].append(field)
    return found


def _unnamed(storage: Storage, folder: str, fields: Collection[FileField]) -> set[str]:
    """What is in the folder and in no row. The rows are read after the folder: none is younger than its file."""
    try:
        _, files = storage.listdir(folder)
    except FileNotFoundError:  # nobody has uploaded anything yet
        return set()
    unnamed = {posixpath.join(folder, file) for file in files}
    for field in fields:
        if unnamed:
            rows = field.model._base_manager.exclude(**{field.name: ""})
            unnamed.difference_update(rows.values_list(field.name, flat=True).iterator())
    return unnamed

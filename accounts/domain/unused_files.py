"""Uploaded files that no row names: of an upload whose row was not written, or of a picture that was replaced.

A picture that many pages show is replaced with `keep_for_now`: its old address answers for a while.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import structlog
from django.apps import apps
from django.core.files.storage import Storage
from django.db.models import FileField
from django.db.models.fields.files import FieldFile

from accounts.models import ReplacedFile

logger = structlog.get_logger(__name__)

# At one time.
MOST = 10_000


def keep_for_now(file: FieldFile, *, now: datetime) -> None:
    """Call it where the row that names `file` is to name another one: the file is deleted later."""
    if file:
        ReplacedFile.objects.update_or_create(name=file.name, defaults={"replaced_at": now})


def delete_unused_files(*, before: datetime, replaced_before: datetime) -> int:
    """Delete the files that no row names and that were written before `before`; returns how many there were.

    The row of a file is written within moments after it. So leave a day: what is as old as that and in no row
    now will be in none. Those that `keep_for_now` was called for are deleted if that was before `replaced_before`.
    """
    deleted = 0
    for (storage, folder), fields in _folders().items():
        for name in _unnamed(storage, folder, fields, replaced_before):
            if deleted == MOST:
                break
            try:
                is_old = storage.get_modified_time(name) < before
            except FileNotFoundError:  # whoever replaced the picture has deleted it meanwhile
                continue
            if is_old:
                storage.delete(name)
                deleted += 1
    if deleted < MOST:
        ReplacedFile.objects.filter(replaced_at__lt=replaced_before).delete()
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


def _unnamed(
    storage: Storage, folder: str, fields: Collection[FileField], replaced_before: datetime
) -> set[str]:
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
    if unnamed:
        kept = ReplacedFile.objects.filter(replaced_at__gte=replaced_before, name__startswith=f"{folder}/")
        unnamed.difference_update(kept.values_list("name", flat=True))
    return unnamed

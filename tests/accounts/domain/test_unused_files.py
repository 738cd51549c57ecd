"""Uploaded files that no row names are deleted after a day; what a row names, and what is young, stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from operator import attrgetter
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.storage.memory import InMemoryStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from PIL import Image

from accounts.domain import unused_files, users
from accounts.models import ReplacedFile, User
from accounts.tasks import delete_unused_files
from tests import factories
from tests.factories import NOW

LONG_AGO = NOW - timedelta(days=3)
OWNERS = {
    "accounts.user": factories.UserFactory,
    "accounts.organization": factories.OrganizationFactory,
    "accounts.organizationchange": partial(factories.OrganizationChangeFactory, with_logo=True),
    "accounts.oauthapp": factories.OAuthAppFactory,
    "drops.category": factories.CategoryFactory,
    "drops.channel": factories.ChannelFactory,
    "drops.reward": factories.RewardFactory,
}


def picture() -> SimpleUploadedFile:
    data = BytesIO()
    Image.new("RGB", (32, 32), "teal").save(data, "PNG")
    return SimpleUploadedFile("me.png", data.getvalue(), "image/png")


@pytest.fixture(params=["files", "elsewhere"])
def storage(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[None]:
    """A folder, or a storage that has none, as a bucket."""
    kind: type = FileSystemStorage if request.param == "files" else InMemoryStorage
    backend = {"BACKEND": f"{kind.__module__}.{kind.__name__}"}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    settings.MEDIA_ROOT = tmp_path
    with time_machine.travel(NOW, tick=False):
        yield


def write(name: str, at: datetime) -> str:
    """A file that was written `at`."""
    with time_machine.travel(at, tick=False):
        name = default_storage.save(name, ContentFile(b"picture"))
    if isinstance(default_storage._wrapped, FileSystemStorage):
        os.utime(default_storage.path(name), (at.timestamp(), at.timestamp()))
    return name


def folders() -> list[str]:
    return [folder for _, folder in unused_files._folders()]


def test_every_picture_has_a_folder_that_is_looked_through() -> None:
    fields = [field for found in unused_files._folders().values() for field in found]
    assert set(map(attrgetter("model._meta.label_lower"), fields)) == set(OWNERS)
    assert len(folders()) == len(fields)
    assert all(folders())


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_what_no_row_names_is_deleted_after_a_day() -> None:
    used, old, young = [], [], []
    for (_, folder), (field,) in unused_files._folders().items():
        used.append(write(f"{folder}/used.webp", LONG_AGO))
        OWNERS[field.model._meta.label_lower](**{field.name: used[-1]})
        old.append(write(f"{folder}/old.webp", LONG_AGO))
        young.append(write(f"{folder}/young.webp", NOW - timedelta(hours=23)))
    others = write("letters/old.webp", LONG_AGO)

    assert delete_unused_files() == len(old)

    assert not any(map(default_storage.exists, old))
    assert all(map(default_storage.exists, [*used, *young, others]))


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_where_nobody_has_uploaded_anything_there_is_nothing_to_do() -> None:
    assert delete_unused_files() == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_a_picture_that_was_replaced_goes_at_the_next_look(studio: Any) -> None:
    before = write("organizations/before.webp", LONG_AGO)
    after = write("organizations/after.webp", LONG_AGO)
    type(studio).objects.update(logo=after)
    assert delete_unused_files() == 1
    assert (default_storage.exists(before), default_storage.exists(after)) == (False, True)


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("moment", ["listdir", "get_modified_time", "delete"])
def test_an_upload_in_the_midst_of_it_stays(
    viewer: User, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that is uploaded after the folder was listed, or while its files are looked at or deleted."""
    write("users/nobodys.webp", LONG_AGO)
    storage: Any = default_storage._wrapped
    original = getattr(storage, moment)

    def and_an_upload(name: str) -> Any:
        answer = original(name)
        monkeypatch.setattr(storage, moment, original)
        users.change_profile_picture(user=viewer, picture=picture(), now=NOW)
        return answer

    monkeypatch.setattr(storage, moment, and_an_upload)
    assert delete_unused_files() == 1
    viewer.refresh_from_db()
    assert default_storage.listdir("users")[1] == [Path(viewer.profile_picture.name).name]


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_a_file_that_somebody_else_deletes_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        write(f"users/{name}.webp", LONG_AGO)
    storage: Any = default_storage._wrapped
    looked_at = storage.get_modified_time

    def after_its_end(name: str) -> Any:
        monkeypatch.setattr(storage, "get_modified_time", looked_at)
        storage.delete(name)
        return looked_at(name)

    monkeypatch.setattr(storage, "get_modified_time", after_its_end)
    assert delete_unused_files() == 1
    assert default_storage.listdir("users")[1] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_so_many_are_deleted_at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unused_files, "MOST", 2)
    for name in ("users/a", "users/b", "users/c", "rewards/d", "rewards/e"):
        write(f"{name}.webp", LONG_AGO)
    assert [delete_unused_files() for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
@pytest.mark.parametrize("people", [1, 3])
def test_the_rows_are_read_once(people: int, django_assert_num_queries: Any) -> None:
    for number in range(people):
        factories.UserFactory(profile_picture=write(f"users/{number}.webp", LONG_AGO))
        write(f"users/nobodys-{number}.webp", LONG_AGO)
    with django_assert_num_queries(3):  # the rows, and what was replaced
        assert delete_unused_files() == people


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_a_picture_that_is_kept_for_now_answers_for_ninety_days() -> None:
    reward = factories.RewardFactory(image=write("rewards/before.webp", LONG_AGO))
    unused_files.keep_for_now(reward.image, now=NOW)
    type(reward).objects.update(image="")
    with time_machine.travel(NOW + timedelta(days=89, hours=23), tick=False):
        assert delete_unused_files() == 0
        assert default_storage.exists("rewards/before.webp")
    with time_machine.travel(NOW + timedelta(days=90, hours=1), tick=False):
        assert delete_unused_files() == 1
        assert not default_storage.exists("rewards/before.webp")
        assert not ReplacedFile.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("storage")
def test_a_file_that_a_row_names_again_outlives_its_replacement() -> None:
    """Kept for now, and the transaction that replaced it was one of two: what a row names stays."""
    reward = factories.RewardFactory(image=write("rewards/before.webp", LONG_AGO))
    unused_files.keep_for_now(reward.image, now=NOW - timedelta(days=200))
    assert delete_unused_files() == 0
    assert default_storage.exists("rewards/before.webp")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_uploads_at_once_leave_one_file(viewer: User, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    for number in range(20):
        orphan = default_storage.save(f"users/{number}.webp", ContentFile(b"picture"))
        os.utime(default_storage.path(orphan), (0, 0))
    start = Barrier(9)

    def upload() -> None:
        start.wait()
        try:
            users.change_profile_picture(user=User.objects.get(pk=viewer.pk), picture=picture(), now=NOW)
        finally:
            connection.close()

    def sweep() -> int:
        start.wait()
        try:
            return delete_unused_files()
        finally:
            connection.close()

    with ThreadPoolExecutor(9) as threads:
        uploads = [threads.submit(upload) for _ in range(8)]
        swept = threads.submit(sweep)
        for done in uploads:
            done.result()
        assert swept.result() == 20
    viewer.refresh_from_db()
    assert default_storage.listdir("users")[1] == [Path(viewer.profile_picture.name).name]

"""Every page that takes pictures: so many an hour and person, and none is decoded inside a transaction."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image

from accounts.domain import images, users
from accounts.models import User
from drops.domain.catalogue import channels
from drops.models import Category, Channel
from tests.dashboard import form_data, sign_in
from tests.factories import NOW

ROOT = Path(__file__).resolve().parents[2]
SAID = "You have uploaded too many pictures. Try again in {} minutes."


def picture(content: bytes = b"") -> SimpleUploadedFile:
    data = BytesIO(content)
    if not content:
        Image.new("RGB", (256, 256), "teal").save(data, "PNG")
    return SimpleUploadedFile("me.png", data.getvalue(), "image/png")


@pytest.fixture(autouse=True)
def clock(settings: Any) -> Iterator[time_machine.Coordinates]:
    settings.PICTURES_PER_HOUR = 3
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def person(owner: User, channel: Channel, category: Category) -> User:
    """Somebody who may do all of it: a streamer, an owner and an operator."""
    Channel.objects.filter(pk=channel.pk).update(owner=owner)
    owner.is_staff = owner.is_superuser = True
    owner.save()
    return owner


@pytest.fixture
def browser(person: User) -> Client:
    return sign_in(Client(), person)


def profile(browser: Client, upload: Any) -> Any:
    return browser.post("/settings/", {"picture": upload})


def banner(browser: Client, upload: Any) -> Any:
    return browser.post("/settings/channel/banner/", {"banner": upload})


def registration(browser: Client, upload: Any) -> Any:
    form = {"name": "Second Studio", "requested_categories": "Chess", "new_logo": upload}
    return browser.post("/dashboard/register/", form)


def organization(browser: Client, upload: Any) -> Any:
    data, _ = form_data(browser, "/dashboard/settings/")
    return browser.post("/dashboard/settings/", data | {"new_logo": upload})


def app(browser: Client, upload: Any) -> Any:
    data, _ = form_data(browser, "/dashboard/apps/add/")
    return browser.post("/dashboard/apps/add/", data | {"name": "Connect", "new_logo": upload})


def reward(browser: Client, upload: Any) -> Any:
    data, _ = form_data(browser, "/dashboard/rewards/add/")
    category = Category.objects.get()
    return browser.post(
        "/dashboard/rewards/add/", data | {"name": "Cape", "category": category.pk, "new_image": upload}
    )


def category(browser: Client, upload: Any) -> Any:
    form = {"name": "Chess", "slug": "chess", "organization": "", "new_image": upload}
    return browser.post("/admin/drops/category/add/", form)


PAGES = [profile, banner, registration, organization, app, reward, category]
Page = Callable[[Client, Any], Any]


@pytest.mark.parametrize("page", PAGES)
def test_one_more_than_so_many_an_hour_is_refused_in_the_form(
    browser: Client, page: Page, clock: time_machine.Coordinates
) -> None:
    for _ in range(3):
        profile(browser, picture(b"not a picture counts as one"))
    clock.shift(timedelta(minutes=19, seconds=30))
    refused = page(browser, picture())
    assert refused.status_code == 200
    assert SAID.format(41) in refused.content.decode()
    clock.shift(timedelta(minutes=41))
    done = page(browser, picture())
    assert done.status_code == (200 if page is app else 302)  # an app's page shows its secret
    assert SAID[:40] not in done.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_counts_the_picture_once(browser: Client, page: Page) -> None:
    assert page(browser, picture(b"no picture")).status_code == 200
    for _ in range(2):
        assert profile(browser, picture()).status_code == 302
    assert SAID.format(60) in profile(browser, picture()).content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_no_picture_is_decoded_inside_a_transaction(
    person: User, browser: Client, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a transaction is open while a picture is decoded, all others wait for it, on SQLite at least."""
    depth = len(connection.savepoint_ids)  # of the test itself
    depths: list[int] = []
    original = images._decode

    def noting(*arguments: Any) -> Image.Image:
        depths.append(len(connection.savepoint_ids))
        return original(*arguments)

    monkeypatch.setattr(images, "_decode", noting)
    assert page(browser, picture()).status_code in (200, 302)
    assert depths == [depth]


def test_everybody_has_their_own_count(browser: Client, viewer: User) -> None:
    for _ in range(4):
        profile(browser, picture())
    other = sign_in(Client(), viewer)
    assert profile(other, picture()).status_code == 302


def test_forms_without_a_picture_are_not_counted(browser: Client) -> None:
    for _ in range(5):
        data, _choices = form_data(browser, "/dashboard/settings/")
        assert browser.post("/dashboard/settings/", data).status_code == 302


def test_the_domain_counts_nothing(viewer: User, now: datetime) -> None:
    """A command, as that of the demo, has no limit."""
    for _ in range(5):
        users.change_profile_picture(user=viewer, picture=picture(), now=now)


def test_no_page_takes_pictures_past_the_count() -> None:
    """Only `pictures_of` reads `request.FILES`, and what takes a file of JSON and no picture."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("accounts", "config", "drops", "fulfillment")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\.FILES\b", path.read_text())
    }
    assert readers == {"accounts/uploads.py", "drops/dashboard/copies.py", "drops/dashboard/files.py"}


def test_a_picture_does_not_outlive_the_account(viewer: User, now: datetime, channel: Channel) -> None:
    """Of a request that was on its way when the account was deleted."""
    users.delete_account(user=User.objects.get(pk=viewer.pk), now=now)
    with pytest.raises(PermissionDenied):
        users.change_profile_picture(user=viewer, picture=picture(), now=now)
    streamer = channel.owner
    users.delete_account(user=User.objects.get(pk=streamer.pk), now=now)
    with pytest.raises(PermissionDenied):
        channels.change_banner(channel=channel, banner=picture(), now=now, actor=streamer)
    with pytest.raises(PermissionDenied):
        channels.describe_channel(channel=channel, description="I am", now=now, actor=streamer)
    assert not User.objects.exclude(profile_picture="").exists()
    assert not Channel.objects.exclude(banner="").exists()

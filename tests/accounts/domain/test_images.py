"""Uploads become small WebP pictures, or a clear message."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.domain import images
from accounts.domain.images import FORMATS, MAX_BYTES, MIDDLE, Square, cut, decode, prepare_image
from accounts.models import Organization


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("picture.png", content)


def prepared(content: bytes, **options: object) -> Image.Image:
    return Image.open(prepare_image(upload(content), size=(100, 100), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_becomes_webp_that_fits(kind: str) -> None:
    picture = prepared(encoded(Image.new("RGB", (400, 200), "red"), kind))
    assert (picture.format, picture.size) == ("WEBP", (100, 50))


def test_metadata_is_dropped_after_it_has_turned_the_picture_upright() -> None:
    image = Image.new("RGB", (80, 40), "blue")
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was held on its side
    exif[0x010F] = "A camera with a serial number"
    picture = prepared(encoded(image, "JPEG", exif=exif))
    assert picture.size == (40, 80)
    assert not picture.getexif()


@pytest.mark.parametrize("size", [(256, 256), (2000, 2000), (300, 302)])
def test_a_picture_that_has_to_be_square_is(size: tuple[int, int]) -> None:
    assert prepared(encoded(Image.new("RGB", size)), square=True).height == 100


@pytest.mark.parametrize("size", [(100, 100), (800, 300), (255, 256), (300, 310), (3000, 2000)])
def test_a_picture_that_has_to_be_square_and_is_not_is_refused_with_its_own_size(
    size: tuple[int, int],
) -> None:
    words = f"is {size[0]} by {size[1]} pixels. Choose a square one of at least 256 by 256."
    with pytest.raises(ValidationError, match=words):
        prepared(encoded(Image.new("RGB", size)), square=True)


def test_the_size_that_is_told_is_the_one_that_people_see() -> None:
    image = Image.new("RGB", (800, 300))
    exif = image.getexif()
    exif[0x0112] = 6
    with pytest.raises(ValidationError, match="300 by 800"):
        prepared(encoded(image, "JPEG", exif=exif), square=True)


def test_what_trails_the_picture_is_not_kept() -> None:
    content = encoded(Image.new("RGB", (8, 8))) + b"<?php system('id'); ?>"
    assert b"php" not in prepare_image(upload(content), size=(100, 100)).read()


def test_too_many_pixels_are_refused_before_they_are_unpacked() -> None:
    with pytest.raises(ValidationError, match="101 by 100"):
        prepared(encoded(Image.new("1", (101, 100))), max_pixels=10_000)
    with pytest.raises(ValidationError, match="too many pixels"):  # beyond Pillow's own limit
        prepared(encoded(Image.new("1", (20_000, 20_000))))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(ValidationError, match="8 MB"):
        prepared(b"\0" * (MAX_BYTES + 1))


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", b"BM" + b"\0" * 60, b"%!PS-Adobe-3.0 EPSF"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(ValidationError, match="PNG, JPEG, WebP or GIF"):
        prepared(content)


@pytest.mark.parametrize("kind", FORMATS)
def test_broken_pictures_never_get_past_the_message(kind: str) -> None:
    whole = encoded(Image.effect_noise((40, 40), 50).convert("RGB"), kind)
    chance = random.Random(7)
    for _ in range(150):
        broken = bytearray(whole[: chance.randrange(len(whole))])
        for _ in range(chance.randrange(4)):
            if broken:
                broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            prepare_image(upload(bytes(broken)), size=(100, 100))
        except ValidationError:
            continue


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    content = encoded(Image.new("I;16", (40, 40), 0x8000))
    assert prepared(content).convert("L").getpixel((20, 20)) == pytest.approx(0x80, abs=2)


def test_the_colours_of_print_become_those_of_screens() -> None:
    content = encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG")
    red, green, blue = prepared(content).convert("RGB").getpixel((20, 20))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


def test_a_picture_is_decoded_once_for_all_that_is_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    file = upload(encoded(Image.new("RGB", (400, 200), "red")))
    decode(file)
    monkeypatch.setattr(Image, "open", None)
    assert prepare_image(file, size=(100, 100)).size > 0


def test_pictures_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    counts: list[int] = []
    upright = images._upright

    def counted(image: Image.Image) -> Image.Image:
        at_once.append(1)
        counts.append(len(at_once))
        result = upright(image)
        at_once.pop()
        return result

    monkeypatch.setattr(images, "_upright", counted)
    content = encoded(Image.effect_noise((300, 300), 50))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: prepare_image(upload(content), size=(100, 100)), range(16)))
    assert counts == [1] * 16


def test_a_picture_that_is_replaced_is_deleted_once_that_is_committed(
    studio: Organization, picture: SimpleUploadedFile, django_capture_on_commit_callbacks: Any
) -> None:
    images.store(studio, "logo", picture, size=(100, 100))
    first = studio.logo.name
    with django_capture_on_commit_callbacks(execute=True):
        images.store(studio, "logo", picture, size=(100, 100))
        assert default_storage.exists(first)  # the transaction may still come to nothing
    assert not default_storage.exists(first)
    assert default_storage.exists(studio.logo.name)


def striped(width: int, height: int) -> bytes:
    """Red at the left or top third, green in the middle, blue at the end."""
    image = Image.new("RGB", (width, height), "green")
    across = width > height
    length = (width if across else height) // 3
    image.paste("red", (0, 0, length, height) if across else (0, 0, width, length))
    end = (width - length, 0, width, height) if across else (0, height - length, width, height)
    image.paste("blue", end)
    return encoded(image)


@pytest.mark.parametrize("size", [(1200, 400), (400, 1200), (6000, 2000), (2100, 6300)])
@pytest.mark.parametrize(
    ("square", "colour"),
    [
        (MIDDLE, (0, 128, 0)),
        (Square(0, 0, 10_000), (255, 0, 0)),
        (Square(10_000, 10_000, 10_000), (0, 0, 255)),
    ],
)
def test_a_square_is_cut_out_of_a_picture(
    size: tuple[int, int], square: Square, colour: tuple[int, int, int]
) -> None:
    file = upload(striped(*size))
    cut(file, square)
    cut(file, square)  # the same form is looked at again
    kept = Image.open(prepare_image(file, size=(128, 128), square=True)).convert("RGB")
    assert kept.size == (128, 128)
    for corner in ((4, 4), (124, 124)):
        assert kept.getpixel(corner) == pytest.approx(colour, abs=12)


def test_a_smaller_square_is_a_part_of_it_and_never_too_small() -> None:
    for side, pixels in ((5_000, 400), (0, 256), (10_000, 800)):
        file = upload(encoded(Image.new("RGB", (1000, 800))))
        cut(file, Square(5_000, 5_000, side))
        assert decode(file).image.size == (pixels, pixels)


def test_a_long_picture_may_be_cut_though_it_was_made_small() -> None:
    file = upload(encoded(Image.new("RGB", (8000, 300))))
    cut(file, MIDDLE)
    assert prepare_image(file, size=(512, 512), square=True).size > 0


def test_what_was_held_on_its_side_is_cut_upright() -> None:
    image = Image.open(upload(striped(1200, 400)))
    exif = image.getexif()
    exif[0x0112] = 6
    file = upload(encoded(image, "JPEG", exif=exif))
    cut(file, Square(0, 0, 10_000))
    red, _green, blue = decode(file).image.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
    assert red > 200 > 50 > blue


@pytest.mark.parametrize("size", [(255, 900), (900, 255), (10, 10)])
def test_a_picture_that_is_too_small_to_be_cut_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(
        ValidationError, match=f"is {size[0]} by {size[1]} pixels. Choose one of at least 256"
    ):
        cut(upload(encoded(Image.new("RGB", size))), MIDDLE)


def test_what_is_no_picture_is_not_cut() -> None:
    with pytest.raises(ValidationError, match="PNG, JPEG, WebP or GIF"):
        cut(upload(b"GIF89a"), MIDDLE)

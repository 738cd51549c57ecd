"""Attacks by uploads: what they are, what they are called, how much they unpack to."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.domain.images import MIDDLE, cut, prepare_image
from accounts.models import User
from tests.factories import NOW

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def encoded(kind: str, **options: Any) -> bytes:
    data = BytesIO()
    Image.new("RGB", (32, 32), "teal").save(data, kind, **options)
    return data.getvalue()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><script>alert(1)</script>"
NOT_PICTURES = {
    "SVG": SVG,
    "HTML": HTML,
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "PDF": b"%PDF-1.4\n1 0 obj<<>>endobj",
    "PSD": b"8BPS\x00\x01" + bytes(40),
    "JPEG 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40),
    "TIFF": encoded("TIFF"),
    "PPM": encoded("PPM"),
    "ICO": encoded("ICO"),
    "BMP": encoded("BMP"),
    "TGA": encoded("TGA"),
    "truncated": encoded("PNG")[:40],
    "empty": b"",
}


@pytest.mark.parametrize("kind", NOT_PICTURES)
def test_what_is_no_picture_of_ours_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError):
        prepare_image(SimpleUploadedFile("a.png", NOT_PICTURES[kind], "image/png"), size=(64, 64))


@pytest.mark.parametrize("kind", NOT_PICTURES)
def test_nothing_is_cut_out_of_what_is_no_picture_of_ours(kind: str) -> None:
    with pytest.raises(ValidationError):
        cut(SimpleUploadedFile("a.png", NOT_PICTURES[kind], "image/png"), MIDDLE)


def test_nothing_is_cut_out_of_a_bomb() -> None:
    with pytest.raises(ValidationError, match="too many pixels"):
        cut(SimpleUploadedFile("a.png", flat_png(12_000, 12_000, rows=64)), MIDDLE)


def test_a_picture_that_is_an_archive_too_is_kept_as_a_picture_alone() -> None:
    """GIFAR: a GIF with a Java archive behind it."""
    content = encoded("GIF") + b"PK\x03\x04" + b"META-INF/MANIFEST.MF" + HTML
    kept = prepare_image(SimpleUploadedFile("a.gif", content), size=(64, 64)).read()
    assert kept.startswith(b"RIFF")
    assert b"META-INF" not in kept
    assert b"<script>" not in kept


def test_one_frame_of_four_hundred_is_kept() -> None:
    frames = [Image.new("P", (32, 32), number % 256) for number in range(400)]
    data = BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:], loop=0)
    kept = Image.open(prepare_image(SimpleUploadedFile("a.gif", data.getvalue()), size=(64, 64)))
    assert getattr(kept, "n_frames", 1) == 1


def test_where_a_picture_was_taken_is_not_kept() -> None:
    image = Image.new("RGB", (32, 32))
    exif = image.getexif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 14.0)
    exif[0x0131] = "A program with a name"
    data = BytesIO()
    image.save(data, "JPEG", exif=exif, comment=b"at home")
    kept = prepare_image(SimpleUploadedFile("a.jpg", data.getvalue()), size=(64, 64)).read()
    assert not Image.open(BytesIO(kept)).getexif()
    assert b"at home" not in kept
    assert b"A program" not in kept


def flat_png(width: int, height: int, *, rows: int | None = None) -> bytes:
    """One bit a pixel, all the same: some kilobytes, however large it is. `rows`: that are really there."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    body = zlib.compress(bytes((width // 8 + 2) * (rows or height)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [6_500, 12_000, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side: int) -> None:
    bomb = flat_png(side, side, rows=64)
    with pytest.raises(ValidationError, match="too many pixels"):
        prepare_image(SimpleUploadedFile("a.png", bomb), size=(64, 64))


UNPACK = """
import resource, sys, threading
from django.core.files.base import ContentFile
from accounts.domain.images import prepare_image
content = sys.stdin.buffer.read()
small = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [
    threading.Thread(target=prepare_image, args=(ContentFile(content, "a.png"),), kwargs={"size": (512, 512)})
    for _ in range(int(sys.argv[1]))
]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - small)
"""


def kilobytes_for(uploads: int) -> int:
    """What a process takes at most for so many pictures of 40 million pixels that come at once."""
    done = subprocess.run(
        [sys.executable, "-c", UNPACK, str(uploads)],
        input=flat_png(6300, 6300),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    return int(done.stdout)


def test_pictures_that_come_at_once_take_no_more_memory_than_one() -> None:
    assert len(flat_png(6300, 6300)) < 8_000
    one, four = kilobytes_for(1), kilobytes_for(4)
    # Each keeps what was made of it, 1600 pixels at most a side; none keeps what it was made from.
    kept = 4 * 1600 * 1600 * 4 // 1024
    assert four < one + kept


NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows.html",
    "a.html",
    "a.svg",
    "a.webp\x00.php",
    "a" * 5000 + ".png",
    "\u202egnp.exe",
    ".htaccess",
    "",
]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_a_name_of_our_own(client: Client, viewer: User, name: str) -> None:
    client.force_login(viewer)
    client.post("/settings/", {"picture": SimpleUploadedFile(name or "x", encoded("PNG"), "text/html")})
    viewer.refresh_from_db()
    kept = str(viewer.profile_picture)
    if kept:
        folder, _, file = kept.partition("/")
        assert folder == "users"
        assert file.removesuffix(".webp").isalnum()
        assert len(file) == len("01K0TDDR08Q5ZNWXK92VRXD7GX.webp")

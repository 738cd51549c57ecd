"""Pictures that people upload: never kept as they came."""

from __future__ import annotations

import struct
import threading
import zlib
from functools import partial
from io import BytesIO
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.db import transaction
from django.db.models import Model
from django.db.models.fields.files import ImageFieldFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
ACCEPT = ",".join(f"image/{name.lower()}" for name in FORMATS)  # as a form's file input says it
MAX_BYTES = 8 * 1024 * 1024
MAX_PIXELS = 40_000_000
# No picture is kept larger than this, in pixels.
LARGEST = (1600, 1600)
# The least side of a picture that has to be square, in pixels.
LEAST_SQUARE = 256
# What a broken or hostile file makes Pillow raise, its limits among it.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
)

# Where an upload keeps what came of it.
OUTCOME = "decoded_picture"
CUT = "cut_square"

# A picture of 40 million pixels takes 160 MB while it is decoded: one at a time in a process.
_decoding = threading.Lock()


class Decoded(NamedTuple):
    """A picture, at most `LARGEST`, and the size that it came with: width and height, upright."""

    image: Image.Image
    size: tuple[int, int]


class Square(NamedTuple):
    """The square that is cut out of a picture, in parts of 10,000.

    `left` and `top` are where it lies between the edges (0: at the left or top one, 10,000: at the other), `side` is
    its part of the shorter side.
    """

    left: int
    top: int
    side: int


WHOLE = 10_000
# Without a choice: as much as there is, from the middle.
MIDDLE = Square(WHOLE // 2, WHOLE // 2, WHOLE)


def prepare_image(
    upload: File, *, size: tuple[int, int], square: bool = False, max_pixels: int = MAX_PIXELS
) -> ContentFile[bytes]:
    """`upload` turned upright, made to fit into `size` (width, height in pixels) and written anew as WebP.

    What is kept is only the picture: no metadata, no other format's tricks. ValidationError where it
    is not a PNG, JPEG, WebP or GIF picture, has more than `max_pixels` pixels or 8 MiB, or has to be `square`
    and is not (`check_square`).
    """
    if square:
        check_square(upload)
    return written(decode(upload, max_pixels=max_pixels).image, size)


def written(picture: Image.Image, size: tuple[int, int]) -> ContentFile[bytes]:
    """`picture` as WebP that fits into `size`."""
    smaller = picture.copy()
    smaller.thumbnail(size)
    data = BytesIO()
    smaller.save(data, "WEBP", quality=88)
    return ContentFile(data.getvalue(), name="image.webp")


def check_square(upload: File) -> None:
    """ValidationError unless the picture is square, but for one part in a hundred, and not too small."""
    width, height = decode(upload).size
    if min(width, height) < LEAST_SQUARE or abs(width - height) * 100 > max(width, height):
        raise ValidationError(
            _(
                "The picture is %(width)d by %(height)d pixels. Choose a square one of at least %(least)d by "
                "%(least)d."
            ),
            code="image_not_square",
            params={"width": width, "height": height, "least": LEAST_SQUARE},
        )


def cut(upload: File, square: Square) -> None:
    """Have everybody who asks for the picture in `upload` get this square of it, whose side has at least
    `LEAST_SQUARE` pixels. A second time changes nothing.

    ValidationError where it has no picture, or too few pixels.
    """
    picture, (width, height) = decode(upload)
    if vars(upload).get(CUT) is not None:
        return
    if min(width, height) < LEAST_SQUARE:
        raise ValidationError(
            _(
                "The picture is %(width)d by %(height)d pixels. Choose one of at least %(least)d by %(least)d."
            ),
            code="image_too_small",
            params={"width": width, "height": height, "least": LEAST_SQUARE},
        )
    shorter = min(picture.size)
    side = min(max(shorter * square.side // WHOLE, LEAST_SQUARE), shorter)
    left = (picture.width - side) * square.left // WHOLE
    top = (picture.height - side) * square.top // WHOLE
    # A long picture may have fewer pixels by now than it came with.
    told = max(side, LEAST_SQUARE)
    vars(upload)[OUTCOME] = Decoded(picture.crop((left, top, left + side, top + side)), (told, told))
    vars(upload)[CUT] = square


def decode(upload: File, *, max_pixels: int = MAX_PIXELS) -> Decoded:
    """The picture in `upload`, at most `LARGEST`. ValidationError as for `prepare_image`.

    The upload keeps it, or the refusal: decode it before a transaction, and `prepare_image` has little to do in it.
    """
    known: Decoded | ValidationError | None = vars(upload).get(OUTCOME)
    if isinstance(known, ValidationError):
        raise known
    if known is None:
        try:
            known = _decode(upload, max_pixels)
        except ValidationError as refusal:
            refuse(upload, refusal)
            raise
        vars(upload)[OUTCOME] = known
    return known


def refuse(upload: File, refusal: ValidationError) -> None:
    """Have everybody who asks for the picture in `upload` get `refusal`."""
    vars(upload)[OUTCOME] = refusal


def _decode(upload: File, max_pixels: int) -> Decoded:
    if (upload.size or 0) > MAX_BYTES:
        raise ValidationError(
            _("The picture is larger than 8 MB. Choose a smaller one."), code="image_too_large"
        )
    try:
        upload.seek(0)
        with _decoding, Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise ValidationError(
                    _("The picture has too many pixels: %(width)d by %(height)d. Choose a smaller one."),
                    code="image_too_large",
                    params={"width": image.width, "height": image.height},
                )
            width, height = image.size
            picture = _upright(image)
            turned = (width > height) != (picture.width > picture.height)
            return Decoded(picture, (height, width) if turned else (width, height))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValidationError(
            _("The picture has too many pixels. Choose a smaller one."), code="image_too_large"
        ) from error
    except BROKEN as error:
        raise ValidationError(
            _("Drops cannot read this picture. Upload a PNG, JPEG, WebP or GIF file."),
            code="image_unreadable",
        ) from error
    finally:
        upload.seek(0)


def _upright(image: Image.Image) -> Image.Image:
    """The first frame in 8 bits with transparency, made small as early as its format allows."""
    image.draft("RGB", LARGEST)
    if image.mode.startswith("I"):  # 16 bits of grey; a plain conversion would cut off all but the darkest
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode not in ("RGBA", "LA", "PA", "P"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode in ("L", "RGB", "RGBA", "LA"):
        image.thumbnail(LARGEST)
    picture = ImageOps.exif_transpose(image).convert("RGBA")
    picture.thumbnail(LARGEST)
    return picture


def store(instance: Model, field: str, upload: File, *, size: tuple[int, int], square: bool = False) -> None:
    """Keep `upload` as the picture in `field` of `instance`, for its row to be saved with it.

    The picture before it is deleted. ValidationError on `field` where it is not a picture, or has to be `square`
    and is not.
    """
    try:
        picture = prepare_image(upload, size=size, square=square)
    except ValidationError as error:
        raise ValidationError({field: error}) from error
    drop(getattr(instance, field))
    getattr(instance, field).save(picture.name, picture, save=False)


def drop(picture: ImageFieldFile) -> None:
    """Delete the file once the transaction that no longer names it has committed. The row is to be locked."""
    if picture:
        transaction.on_commit(partial(picture.storage.delete, str(picture.name)), robust=True)

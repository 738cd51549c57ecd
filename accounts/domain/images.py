"""Pictures that people upload: never kept as they came."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_BYTES = 8 * 1024 * 1024
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
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def prepare_image(upload: File, *, size: tuple[int, int], max_pixels: int = 40_000_000) -> ContentFile[bytes]:
    """`upload` turned upright, made to fit into `size` (width, height in pixels) and written anew as WebP.

    What is kept is only the picture: no metadata, no other format's tricks. ValidationError where it
    is not a PNG, JPEG, WebP or GIF picture, or has more than `max_pixels` pixels or 8 MiB.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise ValidationError(
            "The picture is larger than 8 MB. Choose a smaller one.", code="image_too_large"
        )
    try:
        upload.seek(0)
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise ValidationError(
                    "The picture has too many pixels: %(width)d by %(height)d. Choose a smaller one.",
                    code="image_too_large",
                    params={"width": image.width, "height": image.height},
                )
            picture = ImageOps.exif_transpose(image).convert("RGBA")
            picture.thumbnail(size)
        written = BytesIO()
        picture.save(written, "WEBP", quality=88)
    except BROKEN as error:
        raise ValidationError(
            "This is not a picture that can be read. Upload a PNG, JPEG, WebP or GIF file.",
            code="image_unreadable",
        ) from error
    finally:
        upload.seek(0)
    return ContentFile(written.getvalue(), name="image.webp")

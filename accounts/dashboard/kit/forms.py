from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy as _

from accounts.domain import images
from accounts.domain.images import MIDDLE, WHOLE, Square

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ANY_SHAPE = _(
    "At least 256 by 256 pixels. PNG, JPEG, WebP or GIF. A square of it is kept: choose it in the preview, or the "
    "middle is taken."
)


class SquareInput(forms.FileInput):
    """A file, and beside it which square of it is meant: drawn and chosen by a script (`crop.js`)."""

    def __init__(self) -> None:
        super().__init__(attrs={"accept": images.ACCEPT})

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        upload = super().value_from_datadict(data, files, name)
        if upload is not None:
            upload.wanted_square = data.get(f"{name}-square", "")
        return upload

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        drawn = super().render(name, value, attrs, renderer)
        context = {"input": drawn, "name": name, "id": (attrs or {}).get("id", name)}
        return render_to_string("dashboard/square_input.html", context)


class PictureField(forms.FileField):
    """A picture to upload, of which a square is kept. What is wrong with it is said together with what is wrong
    elsewhere in the form."""

    widget = SquareInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        if upload:
            images.cut(upload, _square(getattr(upload, "wanted_square", "")))
        return upload


def _square(text: str) -> Square:
    """Three parts of 10,000: "5000,0,10000". Empty: the middle."""
    if not text:
        return MIDDLE
    numbers = re.fullmatch(r"([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5})", text)
    square = Square(*map(int, numbers.groups())) if numbers else None
    if square is None or max(square) > WHOLE:
        raise ValidationError(gettext("Choose the part of the picture again."), code="square")
    return square


def picture_field(label: StrOrPromise, help_text: StrOrPromise = ANY_SHAPE) -> forms.FileField:
    return PictureField(label=label, required=False, help_text=help_text)

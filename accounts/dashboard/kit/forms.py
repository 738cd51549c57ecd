from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.domain import images

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PICTURES = forms.FileInput(attrs={"accept": images.ACCEPT})
SQUARE = _("Square, at least 256 by 256 pixels. PNG, JPEG, WebP or GIF.")


class PictureField(forms.FileField):
    """A square picture to upload. What is wrong with it is said together with what is wrong elsewhere in the form."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload = super().clean(data, initial)
        if upload:
            images.check_square(upload)
        return upload


def picture_field(label: StrOrPromise, help_text: StrOrPromise = SQUARE) -> forms.FileField:
    return PictureField(label=label, required=False, widget=PICTURES, help_text=help_text)

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

from accounts.domain.images import ACCEPT

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PICTURES = forms.FileInput(attrs={"accept": ACCEPT})


def picture_field(label: StrOrPromise, help_text: StrOrPromise) -> forms.FileField:
    """A picture to upload; the domain looks at the bytes."""
    return forms.FileField(label=label, required=False, widget=PICTURES, help_text=help_text)

from __future__ import annotations

from django import forms

PICTURES = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})


def picture_field(label: str, help_text: str) -> forms.FileField:
    """A picture to upload; the domain looks at the bytes."""
    return forms.FileField(label=label, required=False, widget=PICTURES, help_text=help_text)

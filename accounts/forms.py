"""Forms of the settings pages."""

from __future__ import annotations

from typing import Any

from django import forms

from .models import User


class PictureForm(forms.Form):
    picture = forms.FileField(
        label="New picture",
        help_text="PNG, JPEG, WebP or GIF, up to 8 MB. It is made square where it is shown.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
    )


class DeleteAccountForm(forms.Form):
    """Deleting asks for the username: a click alone cannot be taken back."""

    username = forms.CharField(
        label="Your username",
        max_length=25,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, user: User) -> None:
        super().__init__(*args)
        self.user = user
        self.fields["username"].help_text = f"Type {user.username} to confirm."

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if typed != self.user.username:
            raise forms.ValidationError(f"This is not your username. Type {self.user.username}.")
        return typed

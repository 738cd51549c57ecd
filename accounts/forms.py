"""Forms of the settings pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.domain.images import ACCEPT
from config import zones

from .models import User


class PictureForm(forms.Form):
    picture = forms.FileField(
        label=_("New picture"),
        help_text=_("PNG, JPEG, WebP or GIF, up to 8 MB. It is cropped to a square."),
        widget=forms.FileInput(attrs={"accept": ACCEPT}),
    )


class TimeZoneForm(forms.Form):
    """Empty: as the browser says."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False, widget=forms.Select(attrs={"translate": "no"})
    )

    def __init__(self, data: QueryDict | None, *, browser: str, chosen: str) -> None:
        super().__init__(data, initial={"time_zone": chosen})
        as_told = _("As your browser says: %(zone)s") % {"zone": browser or "UTC"}
        field: Any = self.fields["time_zone"]
        field.choices = [("", as_told), *zones.choices(*filter(None, [chosen]))]


class DeleteAccountForm(forms.Form):
    """Deleting asks for the username: a click alone cannot be taken back."""

    username = forms.CharField(
        label=_("Your username"),
        max_length=25,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def __init__(self, *args: Any, user: User) -> None:
        super().__init__(*args)
        self.user = user
        self.fields["username"].help_text = _("Type %(username)s to confirm.") % {"username": user.username}

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        if typed != self.user.username:
            raise forms.ValidationError(
                _("This is not your username. Type %(username)s.") % {"username": self.user.username}
            )
        return typed


HOURS = [("", _("Never")), *((hour, f"{hour:02}:00") for hour in range(24))]


class NoticeTimesForm(forms.Form):
    """When a person gets mails as a viewer."""

    quiet_from = forms.TypedChoiceField(
        label=_("No mails from"), choices=HOURS, coerce=int, empty_value=None, required=False
    )
    quiet_until = forms.TypedChoiceField(
        label=_("Mails again from"), choices=HOURS, coerce=int, empty_value=None, required=False
    )
    digest_hour = forms.TypedChoiceField(
        label=_("One mail a day with everything, at"),
        choices=HOURS,
        coerce=int,
        empty_value=None,
        required=False,
    )

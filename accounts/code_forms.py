"""The forms that ask for the code of a second factor: a phone shows digits, and typing can begin at once."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm

DIGITS = {"inputmode": "numeric"}


class SignInCodeForm(AuthenticateForm):
    """A recovery code is made of digits too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS | {"autofocus": True}


class ConfirmCodeForm(ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS | {"autofocus": True}


class FirstCodeForm(ActivateTOTPForm):
    """No autofocus: the picture to scan comes before the field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS

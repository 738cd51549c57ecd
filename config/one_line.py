"""Names are one line: they stand in headings, in subjects of mails and in lines of CSV."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def one_line(text: str) -> None:
    """ValidationError where `text` has a line break or another control character."""
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValidationError(
            _("Use one line, without line breaks or other control characters."), code="one_line"
        )

"""Mails that no page asks for."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import translation

# What a mail server says of one mail; whatever else goes wrong happens to all.
ABOUT_ONE_MAIL = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)


def send(
    template: str,
    context: Mapping[str, Any],
    to: str,
    *,
    end: str,
    headers: Mapping[str, str],
) -> None:
    """Send one mail to one address, made of `<template>_subject.txt`, `<template>.txt` and `<end>.txt`.

    It is in the site's own language, whoever caused it. Raises OSError (smtplib's errors are some) and
    ValueError (for a bad header).
    """
    text = f"{_words(template, context).rstrip()}\n\n-- \n{_words(end, context)}"
    EmailMessage(subject(template, context), text, None, [to], headers=dict(headers)).send()


def subject(template: str, context: Mapping[str, Any]) -> str:
    """In one line, and in the site's own language."""
    return " ".join(_words(f"{template}_subject", context).split())


def _words(template: str, context: Mapping[str, Any]) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return render_to_string(f"{template}.txt", {"site_url": settings.SITE_URL, **context})


def is_away(error: Exception) -> bool:
    """Whether the server took no mail at all, or did not answer: the next mail would wait for it as well."""
    return isinstance(error, OSError) and not isinstance(error, ABOUT_ONE_MAIL)

"""Mails that no page asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation


def send(template: str, context: Mapping[str, Any], to: Sequence[str]) -> None:
    """Send one mail to all of `to`, made of `<template>_subject.txt` and `<template>.txt`.

    It is in the site's own language, whoever caused it. Raises OSError (smtplib's errors are some) and
    ValueError (for a bad header).
    """
    named = {"site_url": settings.SITE_URL, **context}
    with translation.override(settings.LANGUAGE_CODE):
        subject = " ".join(render_to_string(f"{template}_subject.txt", named).split())
        text = render_to_string(f"{template}.txt", named)
    send_mail(subject, text, None, to)

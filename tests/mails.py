"""The mails of notices, sent as the task sends them."""

from __future__ import annotations

from datetime import datetime

from django.core import mail
from django.core.mail import EmailMessage

from accounts.domain.notices.sending import send_due
from tests.factories import NOW


def send_notices(now: datetime = NOW) -> list[EmailMessage]:
    """Send what is due at `now`, twice over: what is said is said once. The mails that went out."""
    before = len(mail.outbox)
    for _twice in range(2):
        send_due(clock=lambda: now)
    return mail.outbox[before:]


def recipients(messages: list[EmailMessage]) -> list[str]:
    """Each mail has one."""
    return sorted(address for message in messages for address in message.recipients())


def text_of(message: EmailMessage) -> str:
    """Without the end that all notices have."""
    return str(message.body).partition("\n\n-- \n")[0]

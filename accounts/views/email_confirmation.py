"""The page behind the link in a mail that asks whose address it is."""

from __future__ import annotations

from typing import Any

from allauth.account.app_settings import SALT
from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView
from django.core import signing


class ConfirmEmail(ConfirmEmailView):
    """allauth's own; it also knows a link whose address has been confirmed meanwhile (`confirmed_address`)."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if self.object is None:
            context["confirmed_address"] = confirmed_address(self.kwargs["key"])
        return context


def confirmed_address(key: str) -> str | None:
    try:
        pk = signing.loads(key, salt=SALT)
    except signing.BadSignature:
        return None
    address = EmailAddress.objects.filter(pk=pk, verified=True).first()
    return str(address.email) if address else None

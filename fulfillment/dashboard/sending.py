"""What owners are told who have sent claims again: that they are on their way, or what they wait for."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _, ngettext

from accounts.dashboard.kit.access import may
from accounts.domain.permissions import Action
from config import zones
from fulfillment.domain.delivery.status import EndpointStatus, endpoint_status
from fulfillment.models import WebhookEndpoint

# Why an endpoint takes no claim now, and what there is to do.
NOT_NOW = {
    EndpointStatus.HELD: _("The endpoint is held. Release the endpoint to send what waits."),
    EndpointStatus.UNVERIFIED: _(
        "The endpoint is not verified. Send it a test event. What waits is sent once the "
        "endpoint has answered a test event with 2xx."
    ),
    EndpointStatus.PAUSED: _(
        "The endpoint is paused until %(until)s. You need not do anything. Then one "
        "delivery is tried. When it arrives, the others follow."
    ),
}


def tell(request: HttpRequest, *, count: int, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Say what becomes of `count` claims that were just sent to `endpoint` again."""
    to = endpoint if may(request, Action.SEE_SETUP) else endpoint.server
    if count == 0:
        messages.warning(request, _("No claims match. Nothing was sent."))
    elif reason := NOT_NOW.get(endpoint_status(endpoint, now)):
        waits = ngettext("%(count)s claim waits for %(to)s.", "%(count)s claims wait for %(to)s.", count)
        until = endpoint.breaker_open_until
        why = reason % {"until": zones.words(until, "H:i:s") if until else ""}
        messages.warning(request, f"{waits % {'count': f'{count:,}', 'to': to}} {why}")
    else:
        on_its_way = ngettext(
            "%(count)s claim is on its way to %(to)s.", "%(count)s claims are on their way to %(to)s.", count
        )
        messages.success(request, on_its_way % {"count": f"{count:,}", "to": to})

"""What owners are told who have sent claims again: that they are on their way, or what they wait for."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from fulfillment.domain.delivery.status import EndpointStatus, endpoint_status
from fulfillment.models import WebhookEndpoint

# Why an endpoint takes no claim now, and what there is to do.
NOT_NOW = {
    EndpointStatus.HELD: "the endpoint is held. Release it, and what waits is sent.",
    EndpointStatus.UNVERIFIED: "the endpoint is not verified. Send it a test event: once it has answered one with 2xx, "
    "what waits is sent.",
    EndpointStatus.PAUSED: "the endpoint is paused until {until:%H:%M:%S} UTC. You need not do anything: one delivery "
    "is tried then, and when one has arrived, the others follow.",
}


def tell(request: HttpRequest, *, count: int, endpoint: WebhookEndpoint, now: datetime) -> None:
    """Say what becomes of `count` claims that were just sent to `endpoint` again."""
    if count == 0:
        messages.warning(request, "No claim is like that: nothing was sent.")
    elif reason := NOT_NOW.get(endpoint_status(endpoint, now)):
        waits = ngettext("%(count)s claim waits for %(to)s", "%(count)s claims wait for %(to)s", count)
        why = reason.format(until=endpoint.breaker_open_until)
        messages.warning(request, f"{waits % {'count': f'{count:,}', 'to': endpoint}}: {why}")
    else:
        on_its_way = ngettext(
            "%(count)s claim is on its way to %(to)s.", "%(count)s claims are on their way to %(to)s.", count
        )
        messages.success(request, on_its_way % {"count": f"{count:,}", "to": endpoint})

"""The words for a status that owners and viewers read: a label, its meaning, its colour (a tone of docs/style.md).

The path of a claim has these words and no others: waiting, then delivered or failed; held while its endpoint
takes nothing; not sent where there is no endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fulfillment.domain.delivery.status import DeliveryStatus, EndpointStatus
from fulfillment.models import Claim


class Words(NamedTuple):
    label: str | Promise
    tone: str
    meaning: str | Promise = ""


FOR_OWNERS: Mapping[DeliveryStatus, Words] = {
    DeliveryStatus.WAITING: Words(_("Waiting"), "wait", _("The next attempt is made automatically.")),
    DeliveryStatus.HELD: Words(
        _("Held"), "wait", _("It is sent as soon as its endpoint is released or verified.")
    ),
    DeliveryStatus.DELIVERED: Words(_("Delivered"), "good", _("Your server answered with 2xx.")),
    DeliveryStatus.FAILED: Words(
        _("Failed"), "bad", _("Every attempt in five days failed. It waits until you send it again.")
    ),
    DeliveryStatus.FAILED_TEST: Words(_("Failed test"), "bad", _("Tests are not sent again.")),
    DeliveryStatus.NOT_SENT: Words(
        _("Not sent"),
        "",
        _("There is no endpoint to send it to. Your server can fetch it through the API."),
    ),
}
# The path in the order in which a delivery goes along it.
PATH = tuple(words for status, words in FOR_OWNERS.items() if status != DeliveryStatus.FAILED_TEST)

_DELAYED = Words(
    _("Delayed"),
    "wait",
    _("%(studio)s cannot receive claims at the moment. Your claim is kept and sent as soon as possible."),
)
FOR_VIEWERS: Mapping[DeliveryStatus, Words] = {
    DeliveryStatus.DELIVERED: Words(
        _("Delivered"), "good", _("%(studio)s has received your claim. Look in your game.")
    ),
    DeliveryStatus.WAITING: Words(
        _("On its way"), "info", _("Your claim is being sent to %(studio)s. You need not do anything.")
    ),
    DeliveryStatus.HELD: _DELAYED,
    DeliveryStatus.FAILED: _DELAYED,
    DeliveryStatus.NOT_SENT: Words(
        _("With the studio"), "info", _("%(studio)s collects your claim from Drops.")
    ),
}

ENDPOINTS: Mapping[EndpointStatus, Words] = {
    EndpointStatus.DELETED: Words(_("Deleted"), ""),
    EndpointStatus.HELD: Words(_("Held"), "bad"),
    EndpointStatus.UNVERIFIED: Words(_("Not verified"), "info"),
    EndpointStatus.PAUSED: Words(_("Paused after failures"), "wait"),
    EndpointStatus.FAILING: Words(_("Failing"), "wait"),
    EndpointStatus.WORKING: Words(_("Working"), "good"),
}


def to_viewer(claim: Claim, status: DeliveryStatus) -> dict[str, Any]:
    """`status` of a claim as its viewer reads it: `status`, `label`, `tone` and `meaning`."""
    words = FOR_VIEWERS[status]
    return words._asdict() | {
        "status": status.value,
        "meaning": words.meaning % {"studio": claim.campaign.organization},
    }

"""The words for a status that owners and viewers read: a label, its meaning, its colour (a tone of docs/style.md).

The path of a delivery has three words: on its way, delivered, needs you. Why a delivery needs somebody is said below
the word. What has left the path has a word of its own without a colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fulfillment.domain.delivery.status import STEP_OF, DeliveryStatus, EndpointStatus, Step
from fulfillment.models import Claim


class Words(NamedTuple):
    label: str | Promise
    tone: str
    meaning: str | Promise = ""


ON_ITS_WAY, DELIVERED = _("On its way"), _("Delivered")

STEPS: Mapping[Step, Words] = {
    Step.ON_ITS_WAY: Words(
        ON_ITS_WAY, "info", _("Drops sends it, and tries again until it arrives. You need not do anything.")
    ),
    Step.DELIVERED: Words(DELIVERED, "good", _("Your server answered with 2xx.")),
    Step.NEEDS_YOU: Words(_("Needs you"), "wait", _("It goes no further until somebody of yours acts.")),
}


class OwnersWords(NamedTuple):
    """`label` is the word of the path. `detail` says more, where the status is not all that the word says."""

    label: str | Promise
    tone: str
    meaning: str | Promise
    detail: str | Promise = ""


def _on_the_path(
    status: DeliveryStatus, *, detail: str | Promise = "", tone: str = "", meaning: str | Promise = ""
) -> OwnersWords:
    words = STEPS[STEP_OF[status]]
    return OwnersWords(words.label, tone or words.tone, meaning or words.meaning, detail)


FOR_OWNERS: Mapping[DeliveryStatus, OwnersWords] = {
    DeliveryStatus.WAITING: _on_the_path(DeliveryStatus.WAITING),
    DeliveryStatus.DELIVERED: _on_the_path(DeliveryStatus.DELIVERED),
    DeliveryStatus.HELD: _on_the_path(
        DeliveryStatus.HELD,
        detail=_("Held"),
        meaning=_("Its endpoint takes nothing. It is sent as soon as the endpoint is released or verified."),
    ),
    DeliveryStatus.FAILED: _on_the_path(
        DeliveryStatus.FAILED,
        detail=_("Failed"),
        tone="bad",
        meaning=_("Every attempt in five days failed. It waits until you send it again."),
    ),
    DeliveryStatus.FAILED_TEST: OwnersWords(_("Failed test"), "", _("Tests are not sent again.")),
    DeliveryStatus.NOT_SENT: OwnersWords(
        _("Not sent"),
        "",
        _("There is no endpoint to send it to. Your server can fetch it through the API."),
    ),
}
# What the words mean, in the order of the path: the word, what is said below it, its colour, its meaning.
LEGEND = tuple(
    FOR_OWNERS[status]
    for status in (
        DeliveryStatus.WAITING,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.HELD,
        DeliveryStatus.FAILED,
        DeliveryStatus.NOT_SENT,
    )
)


def filter_words(wanted: Step | DeliveryStatus) -> str:
    """What a filter calls a step or a status: "Needs you", "Needs you: held"."""
    if isinstance(wanted, Step):
        return str(STEPS[wanted].label)
    words = FOR_OWNERS[wanted]
    return f"{words.label}: {str(words.detail).lower()}" if words.detail else str(words.label)


_DELAYED = Words(
    _("Delayed"),
    "wait",
    _("%(studio)s cannot receive claims at the moment. Your claim is kept and sent as soon as possible."),
)
FOR_VIEWERS: Mapping[DeliveryStatus, Words] = {
    DeliveryStatus.DELIVERED: Words(
        DELIVERED, "good", _("%(studio)s has received your claim. Look in your game.")
    ),
    DeliveryStatus.WAITING: Words(
        ON_ITS_WAY, "info", _("Your claim is being sent to %(studio)s. You need not do anything.")
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

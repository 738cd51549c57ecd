"""What came of a step of a rehearsal, in words: what happened, and what to do where it did not go well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from fulfillment.models import RehearsalStep, StepKind


class Told(NamedTuple):
    """`advice`: what to do, "" where there is nothing to do."""

    text: str | Promise
    advice: str | Promise = ""


_BROKEN_OFF = Told(
    _("The rehearsal was broken off before this step was done."),
    _("Drops was interrupted. Nothing was lost. Rehearse the campaign again."),
)
_REPLACED = Told(_("Another rehearsal was started instead."))

STEPS: Mapping[StepKind, Mapping[str, Told]] = {
    StepKind.WATCH: {
        "granted": Told(
            _("%(minutes)s minutes were granted. Watching %(channel)s would count for the campaign now.")
        ),
        "granted_no_stream": Told(
            _("%(minutes)s minutes were granted. Nobody is live whose stream counts for the campaign."),
            _("Before the start, see that somebody streams in the campaign's category and on its channels."),
        ),
        "not_attached": Told(
            _("The reward is no longer part of the campaign."), _("Attach it, or rehearse another reward.")
        ),
        "no_grant": Told(
            _("No more minutes are granted to you in this campaign today."), _("Go on tomorrow.")
        ),
    },
    StepKind.LINK: {
        "linked": Told(_("The game account is connected.")),
        "stand_in": Told(
            _("Left out: the rehearsal goes on without a game account."),
            _(
                "Your server does not know the user of this claim. Connect a game account to rehearse this too."
            ),
        ),
        "not_linked": Told(
            _("No game account is connected."),
            _("Connect one on your connection page. The rehearsal then goes on by itself."),
        ),
    },
    StepKind.CLAIM: {"claimed": Told(_("The reward was claimed."))},
    StepKind.DELIVERY: {
        "on_its_way": Told(_("The claim is on its way.")),
        "delivered": Told(_("Your server has the claim.")),
        "not_delivered": Told(
            _("Your server did not accept the claim."),
            _("Read the answer below, correct your server, and rehearse the campaign again."),
        ),
        "not_in_time": Told(
            _("The claim did not leave in time."),
            _("Many requests are on their way to your server, or it is paused after failures. Try again."),
        ),
        "not_ready": Told(
            _("The claim was sent to nobody: no endpoint takes claims now."),
            _("An endpoint takes claims once it has answered a test event, and while it is not held."),
        ),
        "no_endpoint": Told(
            _("There is no webhook endpoint. Your server has to fetch the claim through the API."),
            _("Add an endpoint to have claims delivered."),
        ),
    },
}
# At whichever step it was.
ANYWHERE: Mapping[str, Told] = {
    "broken_off": _BROKEN_OFF,
    "replaced": _REPLACED,
    "not_active": Told(_("The organization is not active."), _("Ask the platform for the reason.")),
    "no_test_mode": Told(
        _("The campaign can no longer be rehearsed."),
        _("It has left test mode, or it is over. Nothing more is granted or sent."),
    ),
    "no_member": Told(_("The person is no longer a member who takes part in test mode.")),
}


def told(step: RehearsalStep) -> Told:
    """Of a step that has been taken or waits."""
    words = STEPS[StepKind(step.kind)].get(step.code) or ANYWHERE[step.code]
    return Told(str(words.text) % step.data, str(words.advice))

"""What owners hear of the two-owner rule by mail. None of it can be switched off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.audit_words import CODES
from accounts.domain.notices.kinds import SECURITY, Kind, register
from accounts.domain.notices.writing import write
from accounts.domain.permissions import Action
from accounts.models import Organization, Proposal, ProposalState

ANSWERS = (ProposalState.AGREED, ProposalState.REFUSED, ProposalState.EXPIRED)

_of_proposal: Mapping[str, Any] = {
    "model": Proposal,
    "related": ("organization", "asked_by", "answered_by"),
    "template": "accounts/mail/proposal",
    "values": lambda proposal, _data: {"proposal": proposal, "act": CODES["act"][proposal.act]},
    "always": SECURITY,
}
PROPOSED = register(
    Kind(
        code="proposed",
        label=_("Proposals of colleagues"),
        words=_("Something waits for your yes under the two-owner rule."),
        action=Action.ANSWER_PROPOSALS,
        is_current=lambda proposal, _data, now: proposal.state_at(now) is ProposalState.OPEN,
        **_of_proposal,
    )
)
ANSWERED = register(
    Kind(
        code="answered",
        label=_("Your proposals"),
        words=_("Another owner agreed to what you proposed or refused it, or nobody answered in time."),
        action=Action.SEE_PROPOSALS,
        is_current=lambda proposal, _data, _now: proposal.state in ANSWERS,
        **_of_proposal,
    )
)
LIFTED = register(
    Kind(
        code="two_owner_rule_lifted",
        label=_("Two-owner rule"),
        words=_("An operator of the platform turns the two-owner rule off."),
        action=Action.ANSWER_PROPOSALS,
        always=SECURITY,
        model=Organization,
        template="accounts/mail/two_owner_rule_lifted",
        values=lambda organization, data: {"organization": organization, "reason": data["explanation"]},
    )
)


def tell_the_others(proposal: Proposal, now: datetime) -> None:
    """Those who can answer it."""
    others = PROPOSED.people(proposal.organization).exclude(pk=proposal.asked_by_id)
    write(PROPOSED, about=proposal, once="", now=now, people=others)


def tell_the_asker(proposal: Proposal, now: datetime) -> None:
    """What came of it."""
    asker = ANSWERED.people(proposal.organization).filter(pk=proposal.asked_by_id)
    write(ANSWERED, about=proposal, once="", now=now, people=asker)


def tell_of_lifting(organization: Organization, data: Mapping[str, str], now: datetime) -> None:
    write(LIFTED, about=organization, once=now.isoformat(), now=now, data=data)

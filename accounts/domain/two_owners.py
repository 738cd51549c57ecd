"""The two-owner rule: an organization can ask that what does most harm waits for a second owner's yes.

A verb that the rule is about has an `Act`, and calls `wait_for_second_owner` once it has checked everything else.
That raises `SecondOwnerNeeded`, which `propose` writes down. At another owner's yes, `agree` runs the same verb, as
the one who asked, under the same locks and checks.

The rule holds while two owners can sign in. With one left it sleeps, or nobody could ever do anything again
(docs/adr/0015). Operators of the platform are not bound by it, and can lift it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, cast

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions, proposal_notices
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from accounts.domain.verbs import change, explained, goes_ahead
from accounts.models import Invitation, MemberRole, Organization, Proposal, ProposalState, User
from config.locks import lock

VALID_FOR = timedelta(days=7)
# Of one person: each of them is a mail to every other owner.
MOST_A_DAY = 20
LEAST_OWNERS = 2


class RuleState(Enum):
    OFF = auto()
    ON = auto()
    ASLEEP = auto()  # on, but only one owner can sign in


@dataclass(frozen=True, kw_only=True)
class Act:
    """What waits for a second owner while the rule holds.

    `run` takes the row, the proposal and now: it calls the verb with `actor=proposal.asked_by` and
    `agreed=proposal`. `covers`: whether the act waits for this row. `name`: what the row is called.
    """

    code: str
    model: type[Model]
    action: Action
    run: Callable[[Any, Proposal, datetime], Any]
    covers: Callable[[Any, datetime], bool] = lambda _row, _now: True
    name: Callable[[Any], str] = str


ACTS: dict[str, Act] = {}


def register(act: Act) -> Act:
    ACTS[act.code] = act
    return act


class SecondOwnerNeeded(Exception):
    """Everything else allows `act` on `row`: `propose` it. `data` is what the verb is given besides the row."""

    def __init__(self, act: Act, row: Model, data: Mapping[str, Any]) -> None:
        super().__init__(act.code)
        self.act, self.row, self.data = act, row, data


# The rule


def state_of(organization: Organization) -> RuleState:
    """No query where the rule is off."""
    if organization.two_owners_since is None:
        return RuleState.OFF
    return RuleState.ON if _owners(organization).count() >= LEAST_OWNERS else RuleState.ASLEEP


def would_wait(act: Act | None, row: Any, *, actor: Actor, now: datetime) -> bool:
    """Whether `actor` needs another owner's yes for `act` on `row`. None is anything that the rule is not about."""
    if act is None or actor is None:
        return False
    organization = organization_of(row)
    if organization is None or not act.covers(row, now):
        return False
    if isinstance(actor, User) and act.action in permissions.operator_rights(actor):
        return False
    return state_of(organization) is RuleState.ON


def wait_for_second_owner(
    act: Act,
    row: Any,
    *,
    actor: Actor,
    now: datetime,
    agreed: Proposal | None,
    data: Mapping[str, Any] | None = None,
) -> None:
    """SecondOwnerNeeded unless the rule lets `act` go ahead, or `agreed` is another owner's yes to just this.

    Called by the verb, with `row` locked, when nothing else stands against it.
    """
    if agreed is not None:
        if (agreed.act, agreed.target_id, agreed.data) != (act.code, str(row.pk), dict(data or {})):
            raise PermissionDenied(_("Another owner agreed to something else."))
        return
    if would_wait(act, row, actor=actor, now=now):
        raise SecondOwnerNeeded(act, row, data or {})


def organization_of(row: Any) -> Organization | None:
    return row if isinstance(row, Organization) else row.organization


def answers(role: str) -> bool:
    """Whether it is a role of owners: of those who are asked."""
    return role in permissions.roles_with(Action.ANSWER_PROPOSALS)


def refuse_new_owners(organization: Organization, role: MemberRole) -> None:
    """ValidationError for an invitation as owner while the rule holds: one owner alone could make their second."""
    if answers(role) and state_of(organization) is RuleState.ON:
        raise ValidationError(
            {
                "role": _(
                    "The two-owner rule is on. Invite the person in another role first. Then make them an owner, "
                    "which another owner has to agree to."
                )
            }
        )


@transaction.atomic
def turn_on(*, organization: Organization, now: datetime, actor: User) -> None:
    """From now on the acts of `ACTS` wait for a second owner.

    ValidationError with fewer than two owners, or while somebody is invited as owner: that person would
    become one without a second yes.
    """
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_SETTINGS)
    organization = lock(organization)
    if organization.two_owners_since is not None:
        return
    if _owners(organization).count() < LEAST_OWNERS:
        raise ValidationError(_("The two-owner rule needs two owners. Make another member an owner first."))
    asked_in = Invitation.objects.filter(organization=organization, expires_at__gt=now)
    if asked_in.filter(role__in=permissions.roles_with(Action.ANSWER_PROPOSALS)).exists():
        raise ValidationError(
            _("Somebody is invited as an owner. Wait for the answer, or take the invitation back first.")
        )
    change(organization, "organization.two_owner_rule_on", by=actor, at=now, two_owners_since=now)


@transaction.atomic
def turn_off(
    *, organization: Organization, now: datetime, actor: User, agreed: Proposal | None = None
) -> None:
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_SETTINGS)
    organization = lock(organization)
    if organization.two_owners_since is None:
        return
    wait_for_second_owner(TURN_OFF, organization, actor=actor, now=now, agreed=agreed)
    change(organization, "organization.two_owner_rule_off", by=actor, at=now, two_owners_since=None)


@transaction.atomic
def lift(*, organization: Organization, reason: str, now: datetime, actor: User) -> None:
    """An operator turns the rule off: for an organization whose other owner answers no more.

    ValidationError without a reason, which its members read.
    """
    permissions.require_operator(actor, Action.OPERATE)
    organization = lock(organization)
    goes_ahead(why_not_lift(organization, now))
    data = explained(reason)
    change(
        organization, "organization.two_owner_rule_off", by=actor, at=now, data=data, two_owners_since=None
    )
    proposal_notices.tell_of_lifting(organization, data, now)


def why_not_lift(organization: Organization, now: datetime) -> str:
    return "" if organization.two_owners_since else _("The two-owner rule is off.")


TURN_OFF = register(
    Act(
        code="organization.turn_off_two_owner_rule",
        model=Organization,
        action=Action.CHANGE_SETTINGS,
        run=lambda organization, proposal, now: turn_off(
            organization=organization, now=now, actor=proposal.asked_by, agreed=proposal
        ),
    )
)


# Proposals


def waiting(organization: Organization, *, now: datetime) -> QuerySet[Proposal]:
    return Proposal.objects.filter(organization=organization, state=ProposalState.OPEN, expires_at__gt=now)


def open_proposal(act: Act, row: Model, *, now: datetime) -> Proposal | None:
    """The one that waits for another owner's yes to just this."""
    same = Proposal.objects.filter(act=act.code, target_id=str(row.pk), state=ProposalState.OPEN)
    return same.filter(expires_at__gt=now).select_related("asked_by").first()


def row_of(proposal: Proposal) -> Model | None:
    """What it is about. None once that is gone."""
    row = ACTS[proposal.act].model._base_manager.filter(pk=proposal.target_id).first()
    return row if row is not None and organization_of(row) == proposal.organization else None


def why_not_answer(proposal: Proposal, now: datetime) -> str:
    """Whoever asked takes it back, and another owner agrees or refuses: that is looked at apart."""
    match proposal.state_at(now):
        case ProposalState.OPEN:
            return ""
        case ProposalState.EXPIRED:
            return _("The proposal has expired. Nothing was changed.")
    return _("The proposal was answered already. Nothing was changed.")


@transaction.atomic
def propose(needed: SecondOwnerNeeded, *, now: datetime, actor: User) -> Proposal:
    """Let it wait for another owner, for a week. ValidationError where it has been proposed already."""
    act, row = needed.act, needed.row
    organization = cast("Organization", organization_of(row))
    permissions.require(actor=actor, organization=organization, action=act.action)
    same = Proposal.objects.filter(act=act.code, target_id=str(row.pk), state=ProposalState.OPEN)
    for expired in same.filter(expires_at__lte=now):
        _expire(expired, now)
    if present := same.select_related("asked_by").first():
        raise ValidationError(
            _("%(person)s has proposed this already. It waits for the yes of an owner other than %(person)s.")
            % {"person": present.asked_by}
        )
    today = Proposal.objects.filter(
        organization=organization, asked_by=actor, asked_at__gt=now - timedelta(days=1)
    )
    if today.count() >= MOST_A_DAY:
        raise ValidationError(
            _("You can propose at most %(count)d things a day. Try again tomorrow.") % {"count": MOST_A_DAY}
        )
    proposal = Proposal(
        organization=organization,
        act=act.code,
        target_type=act.model._meta.label_lower,
        target_id=str(row.pk),
        target_name=act.name(row)[:255],
        data=dict(needed.data),
        asked_by=actor,
        asked_at=now,
        expires_at=now + VALID_FOR,
    )
    proposal.full_clean()
    proposal.save()
    _record("proposal.made", proposal, by=actor, at=now)
    proposal_notices.tell_the_others(proposal, now)
    return proposal


@transaction.atomic
def agree(*, proposal: Proposal, now: datetime, actor: User) -> Any:
    """Do what was proposed, as the one who proposed it. Returns what the verb returns.

    ValidationError where it was answered or has expired, where `actor` proposed it, and where the verb refuses: it
    judges anew. Nothing is changed then, and the proposal stays open.
    """
    proposal = _lock(proposal, now, actor, Action.ANSWER_PROPOSALS)
    _refuse_own(proposal, actor)
    row, asker = row_of(proposal), proposal.asked_by
    if row is None:
        raise ValidationError(_("“%(name)s” is no longer there. Nothing was changed.") % {"name": proposal})
    if not asker.is_active:
        raise _no_longer_allowed(asker)
    _answer(proposal, ProposalState.AGREED, "proposal.agreed", now, actor)
    try:
        return ACTS[proposal.act].run(row, proposal, now)
    except PermissionDenied:
        raise _no_longer_allowed(asker) from None


@transaction.atomic
def refuse(*, proposal: Proposal, now: datetime, actor: User) -> None:
    """ValidationError where it was answered or has expired, or `actor` proposed it."""
    proposal = _lock(proposal, now, actor, Action.ANSWER_PROPOSALS)
    _refuse_own(proposal, actor)
    _answer(proposal, ProposalState.REFUSED, "proposal.refused", now, actor)


@transaction.atomic
def take_back(*, proposal: Proposal, now: datetime, actor: User) -> None:
    """ValidationError where it was answered or has expired, or somebody else proposed it."""
    proposal = _lock(proposal, now, actor, Action.SEE_PROPOSALS)
    if proposal.asked_by_id != actor.pk:
        raise ValidationError(_("Only the person who proposed it can take it back."))
    _answer(proposal, ProposalState.TAKEN_BACK, "proposal.taken_back", now, actor)


@transaction.atomic
def note_expired(*, now: datetime) -> None:
    """Write down which proposals have expired. What they are does not depend on it."""
    for proposal in Proposal.objects.filter(state=ProposalState.OPEN, expires_at__lte=now):
        _expire(proposal, now)


def _expire(proposal: Proposal, now: datetime) -> None:
    left = Proposal.objects.filter(pk=proposal.pk, state=ProposalState.OPEN)
    if left.update(state=ProposalState.EXPIRED, answered_at=proposal.expires_at):
        _record("proposal.expired", proposal, by=None, at=now)
        proposal_notices.tell_the_asker(proposal, now)


def _owners(organization: Organization) -> QuerySet[User]:
    return permissions.people_of(organization, who_may=Action.ANSWER_PROPOSALS)


def _lock(proposal: Proposal, now: datetime, actor: User, action: Action) -> Proposal:
    """The proposal as it is now, with its organization locked. ValidationError where it is not open."""
    permissions.require(actor=actor, organization=proposal.organization, action=action)
    proposal = lock(proposal)
    goes_ahead(why_not_answer(proposal, now))
    return proposal


def _refuse_own(proposal: Proposal, actor: User) -> None:
    if proposal.asked_by_id == actor.pk:
        raise ValidationError(_("You proposed this yourself. Another owner has to answer."))


def _no_longer_allowed(asker: User) -> ValidationError:
    return ValidationError(
        _("%(person)s, who proposed this, is no longer allowed to do it. Nothing was changed.")
        % {"person": asker}
    )


def _answer(proposal: Proposal, state: ProposalState, event: str, now: datetime, actor: User) -> None:
    proposal.state, proposal.answered_at, proposal.answered_by = state, now, actor
    proposal.full_clean()
    proposal.save(update_fields=["state", "answered_at", "answered_by"])
    _record(event, proposal, by=actor, at=now)
    if state is not ProposalState.TAKEN_BACK:
        proposal_notices.tell_the_asker(proposal, now)


def _record(event: str, proposal: Proposal, *, by: Actor, at: datetime) -> None:
    """In the history of the row that it is about, which may be gone."""
    row = ACTS[proposal.act].model(pk=proposal.target_id)
    data = {"act": proposal.act, "name": proposal.target_name, **proposal.data}
    audit.record(event, row, by=by, at=at, organization=proposal.organization, data=data)

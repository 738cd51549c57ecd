"""Mails about invitations, proposals and changes of organizations; what accounts leaves behind is cleared away."""

from __future__ import annotations

from datetime import timedelta

import structlog
from allauth.usersessions.models import UserSession
from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import clear_expired

from accounts.audit_words import CODES
from accounts.domain import app_removals, audit, email_changes, invitations, two_owners, unused_files
from accounts.domain.organization_changes import right_to_ask
from accounts.domain.permissions import Action, operators, people_of
from accounts.models import (
    ApplicationStep,
    ChangeState,
    IdempotentCall,
    Invitation,
    OrganizationChange,
    Proposal,
    ProposalState,
    StepKind,
    User,
)
from config import mail

logger = structlog.get_logger(__name__)

IDEMPOTENCY_KEPT = timedelta(days=1)
UNUSED_FILES_KEPT = timedelta(days=1)
# Mails and caches name a picture for a while after it was replaced.
REPLACED_FILES_KEPT = timedelta(days=90)


@shared_task
def mail_invitations() -> None:
    """Tell people by mail that they are invited. One that gets lost is on their settings page all the same."""
    now = timezone.now()
    for invitation in Invitation.objects.filter(mailed_at=None, expires_at__gt=now).select_related(
        "organization"
    ):
        if not Invitation.objects.filter(pk=invitation.pk, mailed_at=None).update(mailed_at=now):
            continue
        if address := invitations.address_of(invitation):
            context = {"invitation": invitation, "key": invitations.key_of(invitation)}
            try:
                mail.send("accounts/mail/invitation", context, [address])
            except (OSError, ValueError):
                logger.exception("invitation_not_mailed", invitation=invitation.pk)


@shared_task
def mail_proposals() -> None:
    """Tell the other owners what waits for their yes, and whoever proposed it what came of it.

    A mail that gets lost is on the dashboard all the same.
    """
    now = timezone.now()
    two_owners.note_expired(now=now)
    proposed = Q(state=ProposalState.OPEN, proposal_mailed_at=None)
    answered = Q(
        state__in=[ProposalState.AGREED, ProposalState.REFUSED, ProposalState.EXPIRED], answer_mailed_at=None
    )
    proposals = Proposal.objects.select_related("organization", "asked_by", "answered_by")
    for due, mailed_at in ((proposed, "proposal_mailed_at"), (answered, "answer_mailed_at")):
        for proposal in proposals.filter(due):
            if Proposal.objects.filter(due, pk=proposal.pk).update(**{mailed_at: now}):
                _mail_proposal(proposal)


def _mail_proposal(proposal: Proposal) -> None:
    if proposal.state == ProposalState.OPEN:
        owners = people_of(proposal.organization, who_may=Action.ANSWER_PROPOSALS)
        people = owners.exclude(pk=proposal.asked_by_id)
    else:
        people = people_of(proposal.organization, who_may=Action.SEE_PROPOSALS).filter(
            pk=proposal.asked_by_id
        )
    addresses = list(people.exclude(email="").values_list("email", flat=True))
    if not addresses:
        return
    try:
        mail.send(
            "accounts/mail/proposal", {"proposal": proposal, "act": CODES["act"][proposal.act]}, addresses
        )
    except (OSError, ValueError):
        logger.exception("proposal_not_mailed", proposal=proposal.pk)


@shared_task
def mail_applications() -> None:
    """Tell operators of each application and answer, and owners of each question and decision."""
    now = timezone.now()
    steps = ApplicationStep.objects.filter(mailed_at=None)
    for step in steps.select_related("organization"):
        if not ApplicationStep.objects.filter(pk=step.pk, mailed_at=None).update(mailed_at=now):
            continue
        is_theirs = step.kind in (StepKind.SENT, StepKind.ANSWERED)
        owners = people_of(step.organization, who_may=Action.CHANGE_SETTINGS)
        people = (operators() if is_theirs else owners).exclude(email="")
        try:
            mail.send(
                f"accounts/mail/application_{step.kind}",
                {"step": step, "organization": step.organization},
                list(people.values_list("email", flat=True)),
            )
        except (OSError, ValueError):
            logger.exception("application_not_mailed", step=step.pk)


@shared_task
def mail_organization_changes() -> None:
    """Tell operators what waits for them, and those who may ask what was asked for in their organization's name, and
    what came of it. The settings, or the page of the app, show both too.
    """
    now = timezone.now()
    asked = Q(state=ChangeState.WAITING, request_mailed_at=None)
    decided = ~Q(state=ChangeState.WAITING) & Q(decision_mailed_at=None)
    changes = OrganizationChange.objects.select_related("organization", "app", "asked_by", "decided_by")
    for due, mailed_at in ((asked, "request_mailed_at"), (decided, "decision_mailed_at")):
        for change in changes.filter(due):
            if OrganizationChange.objects.filter(due, pk=change.pk).update(**{mailed_at: now}):
                people = people_of(change.organization, who_may=right_to_ask(change.app))
                _mail_change(change, "organization_change", people)
                if due is asked:
                    _mail_change(change, "organization_change_to_decide", operators())


def _mail_change(change: OrganizationChange, template: str, people: QuerySet[User]) -> None:
    addresses = list(people.exclude(email="").values_list("email", flat=True))
    try:
        mail.send(f"accounts/mail/{template}", {"change": change}, addresses)
    except (OSError, ValueError):
        logger.exception("organization_change_not_mailed", change=change.pk, template=template)


@shared_task
def unlink_viewers() -> int:
    """Run every ten seconds by beat: unlink the viewers of apps that were deleted. Returns how many it were.

    Any number of workers may run it at once.
    """
    return app_removals.go_on(now=timezone.now())


@shared_task
def clear_tokens() -> None:
    """Delete tokens, codes, links and sessions that expired, and answers to idempotency keys of over a day ago."""
    clear_expired()
    call_command("clearsessions")
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    UserSession.objects.filter(~Exists(session)).delete()
    now = timezone.now()
    IdempotentCall.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    email_changes.forget_old_changes(now=now)


@shared_task
def delete_unused_files() -> int:
    """Run once a day by beat; returns how many uploaded files no row named."""
    now = timezone.now()
    return unused_files.delete_unused_files(
        before=now - UNUSED_FILES_KEPT, replaced_before=now - REPLACED_FILES_KEPT
    )


@shared_task
def purge_audit_trail() -> int:
    """Run once a day by beat; returns how many events were old enough to go."""
    if not settings.AUDIT_TRAIL_DAYS:
        return 0
    return audit.purge(before=timezone.now() - timedelta(days=settings.AUDIT_TRAIL_DAYS))

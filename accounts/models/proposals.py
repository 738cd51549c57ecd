"""What waits for a second owner."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.ulid import ULIDField, new_ulid

from .organizations import Organization


class ProposalState(models.TextChoices):
    OPEN = "open", _("Waiting for another owner")
    AGREED = "agreed", _("Agreed")
    REFUSED = "refused", _("Refused")
    TAKEN_BACK = "taken_back", _("Taken back")
    EXPIRED = "expired", _("Expired")


# An answer that a person gave.
ANSWERS = (ProposalState.AGREED, ProposalState.REFUSED, ProposalState.TAKEN_BACK)


class Proposal(models.Model):
    """Something that one member wants to do, and that another owner has to agree to first.

    What is proposed never changes. `act` is one of `accounts.domain.two_owners.ACTS`, `data` what its verb is
    given besides the row. Nothing moves a proposal to its end: see `state_at`.
    """

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="proposals")
    act = models.CharField(_("what"), max_length=64)
    target_type = models.CharField(max_length=64)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(_("object"), max_length=255)
    data = models.JSONField(default=dict, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    asked_at = models.DateTimeField(_("proposed"))
    expires_at = models.DateTimeField(_("expires"))
    state = models.CharField(
        _("state"), max_length=16, choices=ProposalState, default=ProposalState.OPEN, editable=False
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["act", "target_type", "target_id"],
                condition=Q(state=ProposalState.OPEN),
                name="proposal_one_is_open",
                violation_error_message=_("This has been proposed already."),
            ),
            models.CheckConstraint(
                condition=Q(state=ProposalState.OPEN, answered_at__isnull=True, answered_by__isnull=True)
                | Q(state=ProposalState.EXPIRED, answered_at__isnull=False, answered_by__isnull=True)
                | Q(state__in=ANSWERS, answered_at__isnull=False, answered_by__isnull=False),
                name="proposal_open_or_answered",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state=ProposalState.OPEN), name="proposal_open"),
        ]

    def __str__(self) -> str:
        return self.target_name

    def state_at(self, now: datetime) -> ProposalState:
        """An open one has expired once its time is over, whether that was written down or not."""
        state = ProposalState(self.state)
        return ProposalState.EXPIRED if state is ProposalState.OPEN and self.expires_at <= now else state

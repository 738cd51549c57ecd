"""Rehearsals: a member goes the whole way of a viewer, from the minutes to the studio's answer, in test mode."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import OAuthApp, Organization, ULIDField, new_ulid
from drops.models import Campaign, Grant, Reward

from .endpoints import WebhookEndpoint


class RehearsalState(models.TextChoices):
    RUNNING = "running", _("Under way")
    WAITING = "waiting", _("Waits for the game account")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


OPEN_STATES = (RehearsalState.RUNNING, RehearsalState.WAITING)


class StepKind(models.TextChoices):
    """In the order in which they are taken."""

    WATCH = "watch", _("Watch")
    LINK = "link", _("Connect")
    CLAIM = "claim", _("Claim")
    DELIVERY = "delivery", _("Delivery")


class StepState(models.TextChoices):
    WAITING = "waiting", _("Under way")
    PASSED = "passed", _("Passed")
    SKIPPED = "skipped", _("Left out")
    FAILED = "failed", _("Failed")


class Rehearsal(models.Model):
    """One run. What has been done is in its steps, so whoever goes on with it knows what is next."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    # The indexes below begin with both.
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="rehearsals", db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="rehearsals", db_index=False
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="+")
    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rehearsals")
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The only endpoint that it is sent to. Empty: all of them, as for a claim."),
    )
    stand_in = models.BooleanField(default=False, help_text=_("It goes on without a game account."))
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    started_by_app = models.ForeignKey(
        OAuthApp, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    grant = models.OneToOneField(
        Grant, on_delete=models.PROTECT, null=True, blank=True, related_name="rehearsal"
    )
    state = models.CharField(max_length=16, choices=RehearsalState, default=RehearsalState.RUNNING)
    started_at = models.DateTimeField()
    # After this moment it is not gone on with: it has failed.
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "viewer"],
                condition=Q(state__in=OPEN_STATES),
                name="rehearsal_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=RehearsalState.values), name="rehearsal_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES, ended_at__isnull=True)
                | (~Q(state__in=OPEN_STATES) & Q(ended_at__isnull=False)),
                name="rehearsal_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(started_by__isnull=False, started_by_app__isnull=True)
                | Q(started_by__isnull=True, started_by_app__isnull=False),
                name="rehearsal_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "-id"], name="rehearsal_by_campaign"),
            models.Index(fields=["organization", "started_at"], name="rehearsal_by_organization"),
            models.Index(fields=["until"], condition=Q(state__in=OPEN_STATES), name="rehearsal_open"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def is_overdue(self, now: datetime) -> bool:
        """Nobody has gone on with it in time. Whoever comes next ends it."""
        return self.is_open and now >= self.until


class RehearsalStep(models.Model):
    """What came of one step. `code` says it for programs, `data` has the values of its words."""

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="steps", db_index=False)
    kind = models.CharField(max_length=16, choices=StepKind)
    state = models.CharField(max_length=16, choices=StepState)
    code = models.CharField(max_length=32)
    data = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["rehearsal", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["rehearsal", "kind"], name="rehearsal_step_once"),
            models.CheckConstraint(condition=Q(kind__in=StepKind.values), name="rehearsal_step_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=StepState.values), name="rehearsal_step_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rehearsal_id} {self.kind}: {self.state}"

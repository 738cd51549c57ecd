"""Load rehearsals: an endpoint is sent signed test events at a rate, to see what it answers before the launch."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, ULIDField, new_ulid

from .endpoints import WebhookEndpoint


class LoadState(models.TextChoices):
    WAITING = "waiting", _("About to begin")
    RUNNING = "running", _("Under way")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")


OPEN_LOAD_STATES = (LoadState.WAITING, LoadState.RUNNING)


class LoadEnd(models.TextChoices):
    """Why a run ended before its time."""

    BY_MEMBER = "by_member", _("A member stopped it.")
    FAILING = "failing", _("Too many answers failed, so it ended by itself.")
    ASKED = "asked", _("The server asked for a pause (429 or 503 with Retry-After), so it ended by itself.")
    ENDPOINT = "endpoint", _("The endpoint was held, deleted or changed meanwhile.")
    NOT_ACTIVE = "not_active", _("The organization is not active.")
    NO_WORKER = "no_worker", _("No worker of the platform was free to begin it. Try again.")
    BROKEN_OFF = "broken_off", _("Drops was interrupted. What was answered until then is below.")


class LoadRehearsal(models.Model):
    """One run. Whoever makes it writes down about every second how far it is, and moves `until` on: after that moment
    nobody goes on with it any more."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    # The index below begins with it.
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="load_rehearsals", db_index=False
    )
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="load_rehearsals")
    # The endpoint's then: a result says nothing of another.
    url = models.CharField(max_length=500)
    rate = models.PositiveSmallIntegerField(help_text=_("Test events a second."))
    seconds = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=LoadState, default=LoadState.WAITING)
    why = models.CharField(max_length=16, choices=LoadEnd, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField()
    stop_asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Events that were sent and answered or given up, in so many milliseconds from the first to the last.
    sent = models.PositiveIntegerField(default=0)
    took_ms = models.PositiveIntegerField(default=0)
    # How many there were of each `LastAnswer`, and of each number of milliseconds, to two digits.
    answers = models.JSONField(default=dict)
    durations = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(state__in=OPEN_LOAD_STATES),
                name="load_rehearsal_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=LoadState.values), name="load_rehearsal_state_known"
            ),
            models.CheckConstraint(
                condition=Q(why__in=["", *LoadEnd.values]), name="load_rehearsal_why_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_LOAD_STATES, ended_at__isnull=True)
                | (~Q(state__in=OPEN_LOAD_STATES) & Q(ended_at__isnull=False)),
                name="load_rehearsal_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(rate__gte=1, rate__lte=50, seconds__gte=1, seconds__lte=30),
                name="load_rehearsal_within_bounds",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="load_rehearsal_by_age"),
            models.Index(
                fields=["created_at"], condition=Q(state__in=OPEN_LOAD_STATES), name="load_rehearsal_open"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_LOAD_STATES

    def is_overdue(self, now: datetime) -> bool:
        """Nobody goes on with it. Whoever comes next ends it."""
        return self.is_open and now >= self.until

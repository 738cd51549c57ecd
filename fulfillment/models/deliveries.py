"""Deliveries and their attempts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import ULIDField, new_ulid
from config.ulid import UlidEnd
from drops.models import PhaseChange
from fulfillment.models.endpoints import WebhookEndpoint

from .claims import Claim


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class Trigger(models.TextChoices):
    """Why an attempt is made."""

    CLAIM = "claim", _("The claim itself")
    CAMPAIGN = "campaign", _("A change of a campaign")
    RETRY = "retry", _("Retry")
    RESEND = "resend", _("Sent again by an owner")
    VERIFICATION = "verification", _("Verification of the endpoint")
    TEST = "test", _("Test by an owner")
    REHEARSAL = "rehearsal", _("Rehearsal")


class ErrorClass(models.TextChoices):
    """What went wrong with an attempt. Empty where the answer was a plain 2xx."""

    ADDRESS = "address", _("The address is not allowed")
    DNS = "dns", _("The name does not resolve")
    CONNECT = "connect", _("No connection")
    CONNECT_TIMEOUT = "connect_timeout", _("No connection in time")
    TLS = "tls", _("TLS failed because of the certificate or the protocol")
    RESET = "reset", _("The connection broke before an answer")
    TIMEOUT = "timeout", _("No answer in time")
    MALFORMED = "malformed", _("The answer is not HTTP")
    HEADERS_TOO_LARGE = "headers_too_large", _("The answer's headers are too large")
    REDIRECT = "redirect", _("The answer is a redirect, which Drops does not follow")
    STATUS = "status", _("The answer's status is not 2xx")
    BODY_TIMEOUT = "body_timeout", _("The answer's body did not end in time")
    BODY_TOO_LARGE = "body_too_large", _("The answer's body is too large")
    BODY_ENCODED = "body_encoded", _("The answer's body is compressed and was not read")
    BODY_BROKEN = "body_broken", _("The answer's body broke off")
    SIGNING = "signing", _("There is no signing key")
    CRASHED = "crashed", _("Drops was interrupted: the request may or may not have arrived")


class LastAnswer(models.TextChoices):
    """What came back of an attempt, as lists are filtered by it. Empty where none was made yet."""

    OK = "2xx", _("2xx")
    REDIRECT = "3xx", _("3xx")
    CLIENT_ERROR = "4xx", _("4xx")
    SERVER_ERROR = "5xx", _("5xx")
    TIMEOUT = "timeout", _("Timeout")
    REFUSED = "refused", _("Connection refused")
    BROKEN = "broken", _("Connection broke")
    NO_ADDRESS = "dns", _("DNS or address")
    TLS = "tls", _("TLS")
    OURS = "drops", _("Drops was interrupted")

    @classmethod
    def of(cls, status: int | None, error_class: str) -> LastAnswer:
        if status is not None:
            family = f"{status // 100}xx"
            return cls(family) if family in cls.values else cls.BROKEN
        return _WITHOUT_AN_ANSWER.get(error_class, cls.BROKEN)


_WITHOUT_AN_ANSWER: Mapping[str, LastAnswer] = {
    ErrorClass.TIMEOUT: LastAnswer.TIMEOUT,
    ErrorClass.CONNECT_TIMEOUT: LastAnswer.TIMEOUT,
    ErrorClass.CONNECT: LastAnswer.REFUSED,
    ErrorClass.DNS: LastAnswer.NO_ADDRESS,
    ErrorClass.ADDRESS: LastAnswer.NO_ADDRESS,
    ErrorClass.TLS: LastAnswer.TLS,
    ErrorClass.SIGNING: LastAnswer.OURS,
    ErrorClass.CRASHED: LastAnswer.OURS,
}
# Those that are few: an index finds them, and costs a delivery that arrives nothing.
NOT_OK = tuple(answer for answer in LastAnswer if answer != LastAnswer.OK)


class Delivery(models.Model):
    """One message to one endpoint: the record of it, and the queue that workers take from.

    While an attempt is under way, `lease_token` is set and `next_attempt_at` is the end of the
    lease: whoever finds a leased delivery due knows that the holder of the lease crashed.
    """

    id = ULIDField(_("ID"), primary_key=True, default=new_ulid, editable=False)
    # The indexes below begin with both.
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        on_delete=models.PROTECT,
        related_name="deliveries",
        db_index=False,
        verbose_name=_("endpoint"),
    )
    claim = models.ForeignKey(
        Claim,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
        verbose_name=_("claim"),
    )
    # What a campaign's event is about. Without a claim and without this, it is a test.
    phase_change = models.ForeignKey(
        PhaseChange, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    event_type = models.CharField(_("event"), max_length=64)
    # The bytes that are signed and sent, the same on every attempt.
    body = models.BinaryField()
    state = models.CharField(_("state"), max_length=16, choices=DeliveryState, default=DeliveryState.PENDING)
    # Why the next attempt is made.
    trigger = models.CharField(max_length=16, choices=Trigger, default=Trigger.CLAIM)
    attempt_count = models.PositiveIntegerField(
        _("attempts"),
        default=0,
        help_text=_("The attempts that have begun, including one that is under way."),
    )
    # The failed attempts since the schedule of retries began, and when it did.
    failures = models.PositiveIntegerField(default=0)
    retrying_since = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    lease_token = ULIDField(null=True, blank=True)
    leased_at = models.DateTimeField(null=True, blank=True)
    last_answer = models.CharField(_("last answer"), max_length=8, choices=LastAnswer, blank=True, default="")
    delivered_at = models.DateTimeField(
        _("delivered"), null=True, blank=True, help_text=_("When it arrived for the first time.")
    )
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "endpoint"],
                condition=Q(claim__isnull=False),
                name="delivery_one_per_claim_and_endpoint",
            ),
            models.UniqueConstraint(
                fields=["phase_change", "endpoint"],
                condition=Q(phase_change__isnull=False),
                name="delivery_one_per_phase_change_and_endpoint",
            ),
            models.CheckConstraint(
                condition=Q(claim__isnull=True) | Q(phase_change__isnull=True),
                name="delivery_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="delivery_trigger_known"),
            models.CheckConstraint(
                condition=~Q(state=DeliveryState.DELIVERED) | Q(delivered_at__isnull=False),
                name="delivery_delivered_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING, next_attempt_at__isnull=False)
                | (~Q(state=DeliveryState.PENDING) & Q(next_attempt_at__isnull=True)),
                name="delivery_pending_has_next_attempt",
            ),
            models.CheckConstraint(
                condition=Q(lease_token__isnull=True, leased_at__isnull=True)
                | Q(state=DeliveryState.PENDING, lease_token__isnull=False, leased_at__isnull=False),
                name="delivery_lease_whole",
            ),
        ]
        indexes = [
            # What is due for an endpoint, oldest first.
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=Q(state=DeliveryState.PENDING),
                name="delivery_due",
            ),
            # What may be sent to an endpoint that is not verified: few among the claims that wait.
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=Q(state=DeliveryState.PENDING, claim__isnull=True),
                name="delivery_due_tests",
            ),
            # How many requests are in flight to an endpoint.
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=Q(lease_token__isnull=False),
                name="delivery_in_flight",
            ),
            models.Index(
                fields=["endpoint"], condition=Q(state=DeliveryState.FAILED), name="delivery_failed"
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_by_endpoint"),
            models.Index(
                fields=["endpoint", "last_answer", "-id"],
                condition=Q(last_answer__in=NOT_OK),
                name="delivery_not_ok",
            ),
            # Tests: few among the claims.
            models.Index(fields=["endpoint", "id"], condition=Q(claim__isnull=True), name="delivery_tests"),
            models.Index(UlidEnd("id"), name="delivery_by_end"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_test(self) -> bool:
        return self.claim_id is None and self.phase_change_id is None


class Attempt(models.Model):
    """One request of a delivery, or one that a crash cut short. Kept whatever came of it."""

    # The indexes below begin with both.
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="attempts", db_index=False
    )
    url = models.CharField(
        _("URL"), max_length=500, help_text=_("The URL that it went to, without the query.")
    )
    number = models.PositiveIntegerField(_("number"))
    trigger = models.CharField(_("cause"), max_length=16, choices=Trigger)
    started_at = models.DateTimeField(_("started"))
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error_class = models.CharField(_("what went wrong"), max_length=32, choices=ErrorClass, blank=True)
    # Details for the log, always in English: `error_class` is what pages say in words.
    error = models.CharField(max_length=300, blank=True)
    request_headers = models.JSONField(default=dict)
    response_headers = models.JSONField(default=dict)
    # The first 8 KiB.
    response_body = models.BinaryField(default=bytes)

    class Meta:
        ordering = ["delivery", "number"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_unique"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="attempt_trigger_known"),
            models.CheckConstraint(
                condition=Q(error_class__in=["", *ErrorClass.values]), name="attempt_error_class_known"
            ),
        ]
        indexes = [models.Index(fields=["endpoint", "-started_at"], name="attempt_by_endpoint")]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(milliseconds=self.duration_ms or 0)

    @property
    def succeeded(self) -> bool:
        """The receiver said 2xx: it has the message, whatever became of the answer's body."""
        return self.status is not None and 200 <= self.status < 300

"""The webhook endpoints of organizations, and the notices about them."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, ULIDField, new_ulid
from drops.models import PhaseChangeKind

CLAIM_CREATED = "drops.claim.created"
CAMPAIGN_EVENT = "drops.campaign."
# The phase changes that endpoints may ask for, in their order.
CAMPAIGN_EVENTS = (
    PhaseChangeKind.ANNOUNCED,
    PhaseChangeKind.STARTED,
    PhaseChangeKind.LAST_DAY,
    PhaseChangeKind.ENDED,
    PhaseChangeKind.LAST_CHANCE,
    PhaseChangeKind.CLOSED,
)


class HoldReason(models.TextChoices):
    OWNER = "owner", _("Held by an owner")
    OPERATOR = "operator", _("Held by the platform")
    GONE = "gone", _("The server answered 410 Gone")
    FAILING = "failing", _("Nothing was delivered for five days")


class WebhookEndpoint(models.Model):
    """Where an organization's claims are sent.

    Trusted with claims once it has answered a test event (`verified_at`); until then, and while it
    is held, claims wait.
    """

    LEAST_HOURS, MOST_HOURS = 1, 720  # to acknowledge within

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="webhook_endpoints",
        verbose_name=_("organization"),
    )
    url = models.URLField(_("URL"), max_length=500)
    acknowledge_within_hours = models.PositiveSmallIntegerField(
        _("acknowledged within (hours)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_HOURS), MaxValueValidator(MOST_HOURS)],
        help_text=_(
            "Claims that are still “initiated” this many hours after their delivery are listed. If empty, no "
            "claims are listed."
        ),
    )
    takes_claims = models.BooleanField(_("claims"), default=True, db_default=True)
    # The kinds of a campaign's phase changes that it asks for, separated by spaces.
    campaign_events = models.CharField(max_length=120, blank=True, default="", db_default="")
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True, editable=False)
    held_at = models.DateTimeField(_("held"), null=True, blank=True, editable=False)
    held_reason = models.CharField(
        _("reason of the hold"), max_length=16, choices=HoldReason, blank=True, editable=False
    )
    failing_since = models.DateTimeField(
        _("failing since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The first failure after the last success."),
    )
    # The last release in this run of failures: the five days to the next hold count from here.
    released_at = models.DateTimeField(null=True, blank=True, editable=False)
    breaker_open_until = models.DateTimeField(
        _("paused until"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Nothing is sent before this time. Then one delivery is tried."),
    )
    # Older failures no longer open the breaker.
    breaker_counts_from = models.DateTimeField(null=True, blank=True, editable=False)
    # Of the hours before, `EndpointHour` tells what was answered.
    counted_until = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        indexes = [models.Index(fields=["organization", "id"], name="webhook_endpoint_by_age")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "url"],
                condition=Q(deleted_at__isnull=True),
                name="webhook_endpoint_url_once",
                violation_error_message=_("An endpoint with this URL already exists."),
            ),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_reason="")
                | Q(held_at__isnull=False, held_reason__in=HoldReason.values),
                name="webhook_endpoint_held_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(failing_since__isnull=False),
                name="webhook_endpoint_released_while_failing",
            ),
        ]

    def __str__(self) -> str:
        """As people see it: without the query, and with the end of its id, which tells apart those that
        differ in their query alone."""
        return self.address if self.address == self.url else f"{self.address}?… ({self.pk[-4:]})"

    @property
    def events(self) -> list[str]:
        """The types of events that it asks for."""
        claims = [CLAIM_CREATED] if self.takes_claims else []
        return [*claims, *(f"{CAMPAIGN_EVENT}{kind}" for kind in self.campaign_events.split())]

    @property
    def server(self) -> str:
        """Its host, for whoever may not see the rest: studios keep secrets in paths as well."""
        return f"{urlsplit(self.url).hostname} ({self.pk[-4:]})"

    @property
    def address(self) -> str:
        """The URL without its query, where studios keep secrets: what everybody but the form shows."""
        return self.url.partition("?")[0]


class EndpointHour(models.Model):
    """What an endpoint answered to claims in one hour: see fulfillment/domain/delivery/hours.py. An hour without an
    attempt has no row."""

    # The constraint begins with it.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="hours", db_index=False
    )
    hour = models.DateTimeField()
    attempts = models.PositiveIntegerField()
    arrived = models.PositiveIntegerField()
    # How many attempts took so many milliseconds, these to two digits.
    durations = models.JSONField(default=dict)

    class Meta:
        ordering = ["hour"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "hour"], name="endpoint_hour_once")]

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.hour:%Y-%m-%d %H:%M}"


class NoticeKind(models.TextChoices):
    FAILING_1H = "failing_1h", _("Failing for an hour")
    FAILING_24H = "failing_24h", _("Failing for a day")
    FAILING_72H = "failing_72h", _("Failing for three days")
    HELD = "held", _("Held")
    RECOVERED = "recovered", _("Recovered")


class EndpointNotice(models.Model):
    """What the owners were told of an endpoint: each kind once in each run of failures, and once more after each
    release in it."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=16, choices=NoticeKind)
    # Which run of failures this is about, and the endpoint's last release in it.
    failing_since = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                "endpoint",
                "kind",
                "failing_since",
                Coalesce("released_at", "failing_since"),
                name="endpoint_notice_once",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=NoticeKind.values), name="endpoint_notice_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.get_kind_display()}"

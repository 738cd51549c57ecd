"""Claims: a viewer took a reward that was earned."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, ULIDField
from config.ulid import UlidEnd
from drops.models import Campaign, Reward

from .rehearsals import Rehearsal

INITIATED = "initiated"


class ClaimSequence(models.Model):
    """The last claim id of an organization. Locked while a claim commits, so that ids grow in commit order."""

    organization = models.OneToOneField(Organization, on_delete=models.PROTECT, primary_key=True)
    last_claim_id = ULIDField(null=True)

    def __str__(self) -> str:
        return f"{self.organization}: {self.last_claim_id}"


class Claim(models.Model):
    id = ULIDField(_("ID"), primary_key=True, editable=False)
    # Indexes of their own would repeat what those below begin with, at every claim's cost. A reward's claims
    # are asked for within a campaign or an organization, and rewards are archived, not deleted.
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="claims",
        db_index=False,
        verbose_name=_("organization"),
    )
    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="claims",
        db_index=False,
        verbose_name=_("viewer"),
    )
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        related_name="claims",
        db_index=False,
        verbose_name=_("campaign"),
    )
    reward = models.ForeignKey(
        Reward, on_delete=models.PROTECT, related_name="claims", db_index=False, verbose_name=_("reward")
    )
    external_id = models.CharField(
        _("external ID"),
        max_length=255,
        blank=True,
        help_text=_("The external ID of the reward at the time of the claim."),
    )
    game_account_id = models.CharField(
        _("game account"),
        max_length=128,
        blank=True,
        help_text=_(
            "The studio's ID of the game account that the claim is for. Empty if the studio has named none."
        ),
    )
    external_status = models.CharField(
        _("status"), max_length=64, default=INITIATED, help_text=_("The status that the studio set.")
    )
    test = models.BooleanField(
        default=False,
        help_text=_("Claimed in test mode, or for what was watched in test mode. It is in no figure."),
    )
    # The run that made it. Nobody's own claim: a member has as many of them as there were runs.
    rehearsal = models.ForeignKey(
        Rehearsal,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="claims",
        db_index=False,
        verbose_name=_("rehearsal"),
    )
    # At any endpoint, for the first time. Claims in test mode are not followed.
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"))
    updated_at = models.DateTimeField(_("updated"))

    class Meta:
        ordering = ["-id"]
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints = [
            models.UniqueConstraint(
                F("viewer"),
                F("campaign"),
                F("reward"),
                Coalesce("rehearsal", "campaign"),
                name="claim_once",
                violation_error_message=_("This reward has already been claimed."),
            ),
            # Whatever became of the link and of the viewer since.
            models.UniqueConstraint(
                fields=["campaign", "game_account_id", "reward"],
                condition=~Q(game_account_id="") & Q(rehearsal__isnull=True),
                name="claim_once_per_game_account",
                violation_error_message=_("This game account has already claimed the reward."),
            ),
            models.UniqueConstraint(
                fields=["rehearsal"],
                condition=Q(rehearsal__isnull=False),
                name="claim_once_per_rehearsal",
            ),
            models.CheckConstraint(
                condition=Q(rehearsal__isnull=True) | Q(test=True), name="claim_of_a_rehearsal_is_a_test"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "id"], name="claim_by_organization"),
            models.Index(fields=["campaign", "id"], name="claim_by_campaign"),
            models.Index(fields=["organization", "viewer", "id"], name="claim_by_viewer"),
            models.Index(fields=["organization", "external_status", "id"], name="claim_by_status"),
            models.Index(fields=["organization", "updated_at"], name="claim_by_update"),
            models.Index(UlidEnd("id"), name="claim_by_end"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ClaimHour(models.Model):
    """How many claims of a reward were made in one hour; in test mode, in a row apart. Rehearsals are in neither."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="claim_hours", db_index=False
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="claim_hours", db_index=False)
    hour = models.DateTimeField()
    test = models.BooleanField(default=False, help_text=_("Claimed in test mode."))
    claims = models.PositiveIntegerField(default=0)
    # Those of viewers who had claimed nothing of the campaign before: their sum is exact.
    new_viewers = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "hour", "reward", "test"], name="claim_hour_once")
        ]

    def __str__(self) -> str:
        return f"{self.reward}, {self.hour:%Y-%m-%d %H}h"


class DeliveredHour(models.Model):
    """How many claims of a reward arrived at an endpoint for the first time in one hour, test mode left out."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="delivered_hours", db_index=False
    )
    reward = models.ForeignKey(
        Reward, on_delete=models.PROTECT, related_name="delivered_hours", db_index=False
    )
    hour = models.DateTimeField()
    claims = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "hour", "reward"], name="delivered_hour_once")
        ]

    def __str__(self) -> str:
        return f"{self.reward}, {self.hour:%Y-%m-%d %H}h"


class StatusHour(models.Model):
    """How many claims of a reward went from one status to another in one hour, test mode left out."""

    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="status_hours", db_index=False
    )
    reward = models.ForeignKey(Reward, on_delete=models.PROTECT, related_name="status_hours", db_index=False)
    hour = models.DateTimeField()
    old = models.CharField(max_length=64)
    new = models.CharField(max_length=64)
    changes = models.PositiveIntegerField(default=0)
    # Those of claims that had never had the new status before.
    firsts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "hour", "reward", "old", "new"], name="status_hour_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.old} to {self.new}, {self.hour:%Y-%m-%d %H}h"


class ClaimStatusChange(models.Model):
    """What a studio said of a claim, when: the history behind `Claim.external_status`."""

    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="status_changes")
    at = models.DateTimeField()
    old = models.CharField(max_length=64)
    new = models.CharField(max_length=64)

    class Meta:
        ordering = ["at", "id"]
        # What was acknowledged lately.
        indexes = [models.Index(fields=["at"], name="claim_status_change_by_time")]

    def __str__(self) -> str:
        return f"{self.old} to {self.new}"

"""What people are told: one row for each recipient, sent by whoever holds its lease."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .organizations import Organization


class NoticeEnd(models.TextChoices):
    """How the sending of a notice ended."""

    SENT = "sent", _("Sent")
    FAILED = "failed", _("Not sent: it failed too often")
    OFF = "off", _("Not sent: switched off")
    NOT_THEIRS = "not_theirs", _("Not sent: not for this recipient any more")
    OUTDATED = "outdated", _("Not sent: no longer true, or too old")


class Outgoing(models.Model):
    """One message to one recipient, in the transaction of what it is about.

    `kind` is one of `accounts.domain.notices.kinds.KINDS`, `about` the key of a row of the kind's model, `data` what
    the words need and the row may not say later. `next_try_at` is the time of the next try, and the end of a lease
    while a worker tries; `tries` counts the leases, and so names the present one.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=48)
    about = models.CharField(max_length=64)
    once_key = models.CharField(max_length=160)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    end = models.CharField(max_length=16, choices=NoticeEnd, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(end="", next_try_at__isnull=False, ended_at__isnull=True)
                | Q(end__in=NoticeEnd.values, next_try_at__isnull=True, ended_at__isnull=False),
                name="%(class)s_waits_or_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(end=""), name="%(class)s_due"),
            models.Index(fields=["ended_at"], condition=~Q(end=""), name="%(class)s_ended"),
        ]

    def __str__(self) -> str:
        return self.once_key


class Notice(Outgoing):
    """What one person is told: a user, or an address that needs no account."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # a constraint's index begins with it
    )
    # As it was typed; the kind says which address it means when the mail is sent.
    address = models.CharField(max_length=254, blank=True)

    class Meta(Outgoing.Meta):
        constraints = [
            *Outgoing.Meta.constraints,
            models.UniqueConstraint(
                fields=["user", "once_key"], condition=Q(user__isnull=False), name="notice_once_per_user"
            ),
            models.UniqueConstraint(
                fields=["address", "once_key"], condition=Q(user__isnull=True), name="notice_once_per_address"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, address="") | (Q(user__isnull=True) & ~Q(address="")),
                name="notice_to_user_or_address",
            ),
        ]


class NoticeSwitch(models.Model):
    """Whether a recipient gets the mails of one kind about one organization. Without a row the kind decides."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # two constraints' indexes begin with it
    )
    address = models.CharField(max_length=254, blank=True)
    # None: notices to operators, which are about all organizations.
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=48)
    is_on = models.BooleanField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization", "kind"],
                condition=Q(user__isnull=False, organization__isnull=False),
                name="notice_switch_once",
            ),
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=Q(user__isnull=False, organization__isnull=True),
                name="notice_switch_once_for_operators",
            ),
            models.UniqueConstraint(
                fields=["address", "organization", "kind"],
                condition=Q(user__isnull=True),
                name="notice_switch_once_per_address",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, address="")
                | (Q(user__isnull=True, organization__isnull=False) & ~Q(address="")),
                name="notice_switch_of_user_or_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {'on' if self.is_on else 'off'}"

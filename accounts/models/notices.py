"""What people are told: one row for each recipient, sent by whoever holds its lease."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
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
    # To a person as a viewer: mailed after what members wait for, and in quiet hours not at all.
    for_viewer = models.BooleanField(default=False, db_default=False)
    # On the person's page of notices; `read_at` once it was seen there.
    in_bell = models.BooleanField(default=False, db_default=False)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta(Outgoing.Meta):
        indexes = [
            *Outgoing.Meta.indexes,
            # However many viewers are to be told, what members wait for is found at once.
            models.Index(
                fields=["next_try_at"], condition=Q(end="", for_viewer=False), name="notice_due_members"
            ),
            # What a daily digest puts together.
            models.Index(fields=["user"], condition=Q(end="", for_viewer=True), name="notice_due_of_viewer"),
            models.Index(fields=["user", "-id"], condition=Q(in_bell=True), name="notice_in_bell"),
            models.Index(
                fields=["user"], condition=Q(in_bell=True, read_at__isnull=True), name="notice_unread"
            ),
        ]
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


class NoticeTimes(models.Model):
    """When a person gets mails as a viewer, in hours of the person's own time zone. Without a row: at once."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="notice_times"
    )
    # From the first until the second no mail is sent; over midnight where the second is the smaller one.
    quiet_from = models.PositiveSmallIntegerField(null=True, blank=True)
    quiet_until = models.PositiveSmallIntegerField(null=True, blank=True)
    # One mail a day at this hour, in the place of one for each notice.
    digest_hour = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__lt=24, quiet_until__lt=24) & ~Q(quiet_from=F("quiet_until")),
                name="notice_times_quiet_hours",
            ),
            models.CheckConstraint(
                condition=Q(digest_hour__isnull=True) | Q(digest_hour__lt=24), name="notice_times_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.quiet_from}-{self.quiet_until}, {self.digest_hour}"


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

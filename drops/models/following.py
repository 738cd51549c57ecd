"""Whom and what viewers follow, and how far they were told of a phase change."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Organization

from .campaigns import Campaign, PhaseChange
from .catalogue import Category, Channel

FOLLOWED = ("campaign", "organization", "category", "channel")


def _only(name: str) -> Q:
    return Q(**{f"{each}__isnull": each != name for each in FOLLOWED})


class Follow(models.Model):
    """A viewer follows one thing. Nobody but the viewer learns of it."""

    # The constraints' indexes begin with what is followed: its followers are read in the order of their ids.
    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows", db_index=False
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, null=True, related_name="follows", db_index=False
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, related_name="follows", db_index=False
    )
    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, null=True, related_name="follows", db_index=False
    )
    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, null=True, related_name="follows", db_index=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            *(
                models.UniqueConstraint(
                    fields=[name, "viewer"],
                    condition=Q(**{f"{name}__isnull": False}),
                    name=f"follow_{name}_once",
                )
                for name in FOLLOWED
            ),
            models.CheckConstraint(
                condition=_only("campaign") | _only("organization") | _only("category") | _only("channel"),
                name="follow_one_thing",
            ),
        ]
        indexes = [models.Index(fields=["viewer", "-id"], name="follow_by_viewer")]

    def __str__(self) -> str:
        return f"{self.viewer_id}: {self.what} {self.thing}"

    @property
    def what(self) -> str:
        return next(name for name in FOLLOWED if getattr(self, f"{name}_id") is not None)

    @property
    def thing(self) -> Campaign | Organization | Category | Channel:
        found: Campaign | Organization | Category | Channel = getattr(self, self.what)
        return found


class Telling(models.Model):
    """Viewers are told of a phase change, in batches. Those up to `after` of the present `group` were."""

    change = models.ForeignKey(PhaseChange, on_delete=models.CASCADE, related_name="tellings")
    # One of `drops.domain.telling.AUDIENCES`.
    audience = models.CharField(max_length=32)
    group = models.BigIntegerField(default=0)
    after = models.BigIntegerField(default=0)
    told = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "audience"], name="telling_once")]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(done_at__isnull=True), name="telling_open"),
        ]

    def __str__(self) -> str:
        return f"{self.change} to {self.audience}"

"""Rewards: what viewers can earn."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, ULIDField, new_ulid
from config.one_line import one_line

from .catalogue import Category

# The two sizes of a reward's picture, in pixels a side.
IMAGE_SIDE, SMALL_SIDE = 512, 128


def reward_image_path(reward: Reward, filename: str) -> str:
    return f"rewards/{new_ulid()}.webp"


def small_image_path(reward: Reward, filename: str) -> str:
    return f"rewards/small/{new_ulid()}.webp"


class Reward(models.Model):
    """Something of the game that viewers can earn. It exists before, and outlives, its campaigns."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    # No index of its own: those below begin with it.
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="rewards", db_index=False
    )
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="rewards", verbose_name=_("category")
    )
    name = models.CharField(_("name"), max_length=100, validators=[one_line])
    # 512 pixels a side, and the same in 128. A picture from before there were two has the first alone until a task
    # has made the second.
    image = models.ImageField(upload_to=reward_image_path, blank=True)
    small_image = models.ImageField(upload_to=small_image_path, blank=True, editable=False)
    # SHA-256 of `image`, in hexadecimal.
    image_hash = models.CharField(max_length=64, blank=True, editable=False)
    external_id = models.CharField(
        _("external ID"),
        max_length=255,
        blank=True,
        help_text=_("Your own ID of the reward. It is sent with every claim."),
    )
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "name", "id"], name="reward_by_name"),
            models.Index(fields=["organization", "id"], name="reward_by_age"),
            # What a task has still to do.
            models.Index(
                fields=["id"], condition=~Q(image="") & Q(image_hash=""), name="reward_without_small_image"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def pictures(self) -> str:
        """The addresses of both sizes, for `srcset`. Empty where there are not two."""
        if not self.small_image:
            return ""
        return f"{self.small_image.url} {SMALL_SIDE}w, {self.image.url} {IMAGE_SIDE}w"

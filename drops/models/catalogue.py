"""What is streamed, where: categories, channels, livestreams."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, new_ulid
from config.one_line import one_line


def category_image_path(category: Category, filename: str) -> str:
    return f"categories/{new_ulid()}.webp"


def banner_path(channel: Channel, filename: str) -> str:
    return f"channels/{new_ulid()}.webp"


class PresentCategories(models.Manager["Category"]):
    """Those that were not merged into another."""

    def get_queryset(self) -> models.QuerySet[Category]:
        return super().get_queryset().filter(merged_into=None)


class Category(models.Model):
    """A game (or another kind of stream). An operator gives it to the organization that claims it.

    One that was merged into another keeps its id, name and slug, so that nobody else gets them and addresses with
    them lead on. Nothing else refers to it.
    """

    name = models.CharField(_("name"), max_length=120, unique=True, validators=[one_line])
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    image = models.ImageField(upload_to=category_image_path, blank=True)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("claimed by"),
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged",
        verbose_name=_("merged into"),
    )
    merged_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PresentCategories()
    every: models.Manager[Category] = models.Manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True, merged_at__isnull=True)
                | Q(merged_into__isnull=False, merged_at__isnull=False, organization__isnull=True),
                name="category_merged_is_claimed_by_nobody",
            )
        ]
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """A streamer's channel. The primary key is the public `channel_id`."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="channel", verbose_name=_("owner")
    )
    slug = models.CharField(
        _("address"),
        max_length=50,
        validators=[
            RegexValidator(r"\A[a-z0-9_-]{1,50}\Z", _("Use only lower-case letters, digits, - and _."))
        ],
    )
    description = models.TextField(_("description"), max_length=2000, blank=True)
    banner = models.ImageField(_("banner"), upload_to=banner_path, blank=True)
    opted_out_at = models.DateTimeField(
        _("opted out"),
        null=True,
        blank=True,
        help_text=_(
            "When the streamer opted out of global campaigns. Campaigns with an allow-list are not affected."
        ),
    )

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        indexes = [
            # Channels by what their names begin with, and by many names at once.
            models.Index(fields=["slug"], opclasses=["varchar_pattern_ops"], name="channel_by_beginning"),
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("slug"), name="channel_slug_unique", violation_error_message=_("This address is taken.")
            )
        ]

    def __str__(self) -> str:
        return self.slug


class FormerChannelName(models.Model):
    """An address that a channel had before. It leads to the channel, and no other channel takes it."""

    slug = models.CharField(max_length=50, unique=True)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="former_names")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.slug} until {self.until:%Y-%m-%d %H:%M}"


class Livestream(models.Model):
    """One broadcast. A channel has at most one that has not ended."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="livestreams")
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="livestreams"
    )
    title = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=16, blank=True)
    is_mature = models.BooleanField(default=False)
    viewer_count = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        # What began or ended lately.
        indexes = [
            models.Index(fields=["started_at"], name="livestream_by_start"),
            models.Index(fields=["ended_at"], name="livestream_by_end"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["channel"],
                condition=Q(ended_at__isnull=True),
                name="livestream_one_live_per_channel",
                violation_error_message=_("This channel is already live."),
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="livestream_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} since {self.started_at:%Y-%m-%d %H:%M}"

"""The chats of organizations, and what is posted to them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, Outgoing, ULIDField, new_ulid
from config.one_line import one_line

from .deliveries import ErrorClass


class ChatShape(models.TextChoices):
    """What the chat's server takes. Others than these two take one of their shapes."""

    SLACK = "slack", _("Slack")
    DISCORD = "discord", _("Discord")


class ChatWebhook(models.Model):
    """Where notices of the chosen `kinds` are posted. The URL is a secret: whoever knows it may post."""

    id = ULIDField(primary_key=True, default=new_ulid, editable=False)
    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("organization"),
    )
    name = models.CharField(
        _("name"),
        max_length=80,
        validators=[one_line],
        help_text=_("What your team calls it, such as the name of the channel."),
    )
    shape = models.CharField(_("chat"), max_length=16, choices=ChatShape, default=ChatShape.SLACK)
    encrypted_url = models.BinaryField(editable=False)
    host = models.CharField(_("host"), max_length=253, editable=False)
    kinds = models.JSONField(_("notices"), default=list, blank=True)
    # Posts in a row that failed. After too many it is off.
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    off_at = models.DateTimeField(_("off since"), null=True, blank=True, editable=False)
    last_at = models.DateTimeField(_("last post"), null=True, blank=True, editable=False)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    last_error_class = models.CharField(max_length=20, choices=ErrorClass, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("chat")
        verbose_name_plural = _("chats")
        constraints = [
            models.CheckConstraint(condition=Q(shape__in=ChatShape.values), name="chat_webhook_shape_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ChatPost(Outgoing):
    """A notice to one chat."""

    webhook = models.ForeignKey(ChatWebhook, on_delete=models.CASCADE, related_name="posts", db_index=False)

    class Meta(Outgoing.Meta):
        constraints = [
            *Outgoing.Meta.constraints,
            models.UniqueConstraint(fields=["webhook", "once_key"], name="chat_post_once"),
        ]

"""The log of the API: which calls an app made in the last days."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from ulid import ULID

from config.ulid import ULIDField

from .oauth import OAuthApp
from .organizations import Organization


class CallKind(models.TextChoices):
    """How an app showed who it is."""

    TOKEN = "token", _("Token request")  # with its secret
    APP = "app", _("The app's own token")
    VIEWER = "viewer", _("A viewer's token")


class StatusClass(models.IntegerChoices):
    SUCCEEDED = 2, _("Succeeded (2xx, 3xx)")
    REFUSED = 4, _("Refused (4xx)")
    FAILED = 5, _("Failed (5xx)")


class ApiCall(models.Model):
    """A call of an app and what it was answered: no body, no secret, no viewer. The time is that of the `id`.

    A row with `more` stands for so many calls of its minute that were too many to be kept one by one.
    """

    id = ULIDField(primary_key=True, editable=False)
    # Both are the first columns of indexes.
    app = models.ForeignKey(
        OAuthApp, on_delete=models.PROTECT, db_index=False, related_name="calls", verbose_name=_("app")
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, db_index=False, related_name="api_calls"
    )
    kind = models.CharField(_("token"), max_length=8, choices=CallKind)
    method = models.CharField(_("method"), max_length=8, blank=True)
    # What the address is called in the documents; and the address, but for what names a viewer, and for values.
    route = models.CharField(max_length=100, blank=True)
    path = models.CharField(_("path"), max_length=200, blank=True)
    status_class = models.PositiveSmallIntegerField(choices=StatusClass)
    status = models.PositiveSmallIntegerField(_("status"))
    milliseconds = models.PositiveIntegerField(_("duration (ms)"))
    request_id = models.CharField(_("request ID"), max_length=64, blank=True)
    error = models.CharField(_("error"), max_length=64, blank=True)
    more = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("API request")
        verbose_name_plural = _("API requests")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "id"], name="api_call_by_organization"),
            models.Index(fields=["organization", "status_class", "id"], name="api_call_by_class"),
            models.Index(fields=["organization", "route", "id"], name="api_call_by_route"),
            models.Index(
                fields=["organization", "request_id"], condition=~Q(request_id=""), name="api_call_by_request"
            ),
            models.Index(fields=["app", "id"], name="api_call_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status or ''}".strip()

    @property
    def at(self) -> datetime:
        return ULID.from_str(self.id).datetime

    @property
    def phrase(self) -> str:
        """What the status is called in HTTP."""
        return HTTPStatus(self.status).phrase if self.status in HTTPStatus._value2member_map_ else ""

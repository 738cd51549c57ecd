"""What is said about an organization that asks to be let in."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .organizations import Organization


class StepKind(models.TextChoices):
    SENT = "sent", _("Sent")
    ASKED = "asked", _("Asked back")
    ANSWERED = "answered", _("Answered")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class ApplicationStep(models.Model):
    """One step of an organization's application. Rows are only added, and the other side is told of each."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        related_name="application_steps",
        verbose_name=_("organization"),
    )
    kind = models.CharField(_("step"), max_length=16, choices=StepKind)
    text = models.TextField(_("text"), max_length=1000, blank=True, validators=[MaxLengthValidator(1000)])
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("person")
    )
    at = models.DateTimeField(_("when"))

    class Meta:
        ordering = ["id"]
        verbose_name = _("step of an application")
        verbose_name_plural = _("application")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=StepKind.values), name="application_step_kind_known"
            )
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

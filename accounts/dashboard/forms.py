from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.dashboard.kit.forms import picture_field
from accounts.models import Organization


class OrganizationForm(forms.ModelForm):
    """What an organization says of itself."""

    new_logo = picture_field(_("Logo"), _("Square, at least 256 by 256 pixels. PNG, JPEG, WebP or GIF."))

    class Meta:
        model = Organization
        fields: tuple[str, ...] = ("name", "url", "connect_url", "contact_email")
        help_texts = {
            "url": _("Your website. Your campaigns link to it."),
            "connect_url": _(
                "The page where viewers connect their game accounts. "
                "Drops adds ?return_to= so that you can send them back."
            ),
            "contact_email": _("Drops writes to this address when deliveries fail."),
        }


class RegistrationForm(OrganizationForm):
    class Meta(OrganizationForm.Meta):
        fields = ("name", "url", "connect_url", "contact_email", "requested_category")
        labels = {"requested_category": _("Your game")}
        help_texts = {
            **OrganizationForm.Meta.help_texts,
            "requested_category": _("The category that streamers choose for your game."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["requested_category"].required = True

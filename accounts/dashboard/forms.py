from __future__ import annotations

from typing import Any

from django import forms

from accounts.dashboard.kit.forms import picture_field
from accounts.models import Organization


class OrganizationForm(forms.ModelForm):
    """What an organization says of itself."""

    new_logo = picture_field("Logo", "Square, at least 256 by 256 pixels. PNG, JPEG, WebP or GIF.")

    class Meta:
        model = Organization
        fields: tuple[str, ...] = ("name", "url", "connect_url", "contact_email")
        help_texts = {
            "url": "Your own site: viewers find it on your campaigns.",
            "connect_url": "Where viewers connect their game account. We add ?return_to= to send them back.",
            "contact_email": "Where we write to when deliveries fail.",
        }


class RegistrationForm(OrganizationForm):
    class Meta(OrganizationForm.Meta):
        fields = ("name", "url", "connect_url", "contact_email", "requested_category")
        labels = {"requested_category": "Your game"}
        help_texts = {
            **OrganizationForm.Meta.help_texts,
            "requested_category": "The category your organization claims, as streamers see it.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["requested_category"].required = True

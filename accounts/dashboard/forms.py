from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy as _

from accounts.admin_base import carry_drawn_values
from accounts.dashboard.kit.forms import picture_field
from accounts.models import Organization


class OrganizationForm(forms.ModelForm):
    """What an organization says of itself. A form that was open in another tab changes what was touched in it."""

    new_logo = picture_field(_("Logo"))

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carry_drawn_values(self)
        if self.instance.was_approved:
            self.fields["name"].help_text = gettext(
                "An operator of the platform approves a new name or logo. Viewers see the present one until then."
            )

    def changes(self) -> dict[str, Any]:
        """The fields that were touched, by the names that the domain gives them."""
        touched = {name: self.cleaned_data[name] for name in self.changed_data}
        return {name.removeprefix("new_"): value for name, value in touched.items()}


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

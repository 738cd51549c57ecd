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
        fields: tuple[str, ...] = ("name", "url", "connect_url", "contact_email", "requested_categories")
        labels = {"requested_categories": _("Your games")}
        widgets = {"requested_categories": forms.Textarea(attrs={"rows": 2})}
        help_texts = {
            "requested_categories": _(
                "The categories that streamers choose for your games, one on each line."
            ),
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
            del self.fields["requested_categories"]
            self.fields["name"].help_text = gettext(
                "An operator of the platform approves a new name or logo. Viewers see the present one until then."
            )

    def changes(self) -> dict[str, Any]:
        """The fields that were touched, by the names that the domain gives them."""
        touched = {name: self.cleaned_data[name] for name in self.changed_data}
        return {name.removeprefix("new_"): value for name, value in touched.items()}


class RegistrationForm(OrganizationForm):
    plan = forms.CharField(
        label=_("Your plan"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you want to do with Drops, and when. The operators who decide read it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["requested_categories"].required = True


class AnswerForm(forms.Form):
    text = forms.CharField(
        label=_("Your answer"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("You can also change the settings first. The operators see both."),
    )

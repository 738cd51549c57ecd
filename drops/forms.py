"""Forms of the viewers' and streamers' pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.domain import links
from accounts.domain.images import ACCEPT
from accounts.models import User
from drops.domain.campaigns.reading import Shelf, finishable
from drops.models import Category, Livestream
from drops.models.campaigns import CampaignQuerySet


class CategoryFilter(forms.Form):
    category = forms.ModelChoiceField(
        Category.objects.none(),
        label=_("Category"),
        required=False,
        to_field_name="slug",
        empty_label=_("All categories"),
    )


class CampaignFilter(CategoryFilter):
    """Which of `campaigns` a viewer looks for. `viewer` None: a visitor, who has no connections."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Campaign, reward or studio")}),
    )

    finishable = forms.BooleanField(label=_("Can still be finished"), required=False)
    connected = forms.BooleanField(label=_("Connected studios"), required=False)

    def __init__(self, data: Any, *, campaigns: CampaignQuerySet, viewer: User | None, now: datetime) -> None:
        super().__init__(data, label_suffix="")
        self.campaigns, self.viewer, self.now = campaigns, viewer, now
        if viewer is None:
            del self.fields["connected"]
        choices = Category.objects.filter(pk__in=campaigns.values("category"))
        self.fields["category"].queryset = choices  # type: ignore[attr-defined]

    def found(self) -> CampaignQuerySet:
        """The campaigns that match what was entered: none of them while something is wrong with it."""
        if not self.is_valid():
            return self.campaigns.none()
        found = self.campaigns
        if category := self.cleaned_data["category"]:
            found = found.filter(category=category)
        if text := self.cleaned_data["q"]:
            found = found.filter(
                Q(name__icontains=text)
                | Q(organization__name__icontains=text)
                | Q(pk__in=found.filter(campaign_rewards__reward__name__icontains=text).values("pk"))
            )
        if self.viewer and self.cleaned_data["connected"]:
            found = found.filter(organization__in=links.linked_organization_ids(self.viewer))
        if self.cleaned_data["finishable"]:
            found = finishable(found, now=self.now, viewer=self.viewer)
        return found


class ChannelFilter(CategoryFilter):
    def __init__(self, data: Any, *, categories: QuerySet[Category]) -> None:
        super().__init__(data, label_suffix="")
        self.fields["category"].queryset = categories  # type: ignore[attr-defined]

    def found(self, streams: QuerySet[Livestream]) -> QuerySet[Livestream]:
        """The streams in the category that was chosen: none of them if nobody streams in it."""
        if not self.is_valid():
            return streams.none()
        category = self.cleaned_data["category"]
        return streams.filter(category=category) if category else streams


class ChannelForm(forms.Form):
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Shown on your channel's page."),
    )


class NewChannelForm(ChannelForm):
    slug = forms.CharField(
        label=_("Address"),
        max_length=50,
        help_text=_(
            "The last part of your channel's address: lower-case letters, digits, - and _. "
            "You cannot change it later."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ("slug", "description")


class BannerForm(forms.Form):
    banner = forms.FileField(
        label=_("New banner"),
        help_text=_("PNG, JPEG, WebP or GIF, up to 8 MB. A ratio of 16 to 9 looks best."),
        widget=forms.FileInput(attrs={"accept": ACCEPT}),
    )


class LivestreamForm(forms.Form):
    """What a streamer says of the stream: on going live, and while it runs."""

    title = forms.CharField(
        label=_("Title"),
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("What are you up to?")}),
    )
    category = forms.ModelChoiceField(
        Category.objects.all(),
        label=_("Category"),
        required=False,
        empty_label=_("No category"),
        help_text=_("Campaigns count only while you stream in their category."),
    )


class HistoryForm(forms.Form):
    # Days that are days in every time zone.
    before = forms.DateField(
        label=_("Before"),
        required=False,
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(9000, 1, 1))],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )


def shelf_of(text: str) -> Shelf:
    """The shelf an address names; the first one for none, or for a word that is none."""
    return Shelf(text) if text in Shelf.values else Shelf.LIVE

from __future__ import annotations

import itertools
import re
from collections import Counter
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import VerbForm, carry_drawn_values
from accounts.dashboard.kit.objects import rows_of
from accounts.dashboard.kit.scoping import ScopedFormSet
from accounts.models import Organization
from drops.domain.campaigns.lifecycle import reward_errors_of_change
from drops.domain.campaigns.plans import MAX_CHANNELS, MAX_DAYS, RewardPlan, fixed_fields
from drops.models import Campaign, Channel
from drops.models.campaigns import MAX_REWARDS


class UTCMomentField(forms.DateTimeField):
    """A browser's own date and time picker. The dashboard speaks UTC, like the audit log and the API."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Of a moment with seconds the picker shows the minute: that alone is no change."""
        try:
            drawn, picked = self.to_python(initial), self.to_python(data)
        except ValidationError:
            return True
        if drawn is None or picked is None:
            return drawn is not picked
        return not self.disabled and _minute(drawn) != _minute(picked)


class ChannelsField(forms.CharField):
    """Channels by slug, separated by commas, spaces or lines. Cleans to a list of Channel."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "none"})

    def clean(self, value: Any) -> list[Channel]:
        slugs = list(dict.fromkeys(re.split(r"[\s,;]+", super().clean(value).strip().lower())))
        slugs = [slug.removeprefix("@") for slug in slugs if slug]
        if len(slugs) > MAX_CHANNELS:
            raise ValidationError(
                _("Enter at most %(count)d channels. To allow all channels, leave the list empty.")
                % {"count": MAX_CHANNELS}
            )
        found = {channel.slug.lower(): channel for channel in Channel.objects.filter(slug__in=slugs)}
        if missing := [slug for slug in slugs if slug not in found]:
            raise ValidationError(
                _("There is no channel named %(names)s. Check the spelling.")
                % {"names": ", ".join(missing[:10])}
            )
        return [found[slug] for slug in slugs]


class CampaignForm(VerbForm):
    starts_at = UTCMomentField(label=_("Start"), help_text=_("In UTC."))
    ends_at = UTCMomentField(label=_("End"), help_text=_("In UTC. Viewers earn nothing after this time."))
    announcement_days = forms.IntegerField(
        label=_("Announced"),
        min_value=0,
        max_value=MAX_DAYS,
        initial=3,
        help_text=_("How many days before the start the campaign is announced."),
    )
    grace_days = forms.IntegerField(
        label=_("Grace period"),
        min_value=0,
        max_value=MAX_DAYS,
        initial=7,
        help_text=_("How many days after the end viewers can still claim what they have earned."),
    )
    channels = ChannelsField(
        label=_("Allow-list"),
        required=False,
        help_text=_(
            "Enter one channel name per line. If the list is empty, every channel takes part "
            "unless its streamer opted out."
        ),
    )
    # The domain speaks of the rewards as a whole: above the form is where that is read.
    renamed = {"announces_at": "starts_at", "closes_at": "grace_days"}

    class Meta:
        model = Campaign
        fields = ("name", "category", "info_url", "test_mode")
        help_texts = {
            "category": _(
                "Watch time counts while the stream is in this category. If you choose none, every "
                "category counts."
            ),
            "info_url": _("A page on your site that tells viewers more."),
            "test_mode": _("Only members of your organization can take part and claim."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "category" in self.fields:
            category: Any = self.fields["category"]
            category.empty_label = _("Any category")
        campaign: Campaign = self.instance
        if campaign._state.adding:
            return
        for name in ("starts_at", "ends_at", "announcement_days", "grace_days"):
            self.initial[name] = getattr(campaign, name)
        slugs = campaign.allowed_channels.values_list("channel__slug", flat=True)
        self.initial["channels"] = "\n".join(slugs)
        for name in fixed_fields(campaign.phase(timezone.now())):
            if name in self.fields:  # those who may only look have a form without fields
                self.fields[name].disabled = True

    def clean_starts_at(self) -> datetime:
        return self._exact("starts_at")

    def clean_ends_at(self) -> datetime:
        return self._exact("ends_at")

    def _exact(self, name: str) -> datetime:
        """The picker knows minutes: a moment of the same minute is the one that was there."""
        picked: datetime = self.cleaned_data[name]
        present: datetime | None = self.initial.get(name)
        if present is not None and _minute(picked) == _minute(present):
            return present
        return picked


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


class CampaignRewardForm(forms.ModelForm):
    position = forms.IntegerField(
        label=_("Position"),
        required=False,
        min_value=1,
        max_value=MAX_REWARDS,
        help_text=_("If empty, the reward is added at the end."),
    )
    required_minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=525_600)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carry_drawn_values(self)


class CampaignRewardFormSet(ScopedFormSet):
    """The domain looks at the rows together, as they will be: two of them may swap positions."""

    organization: Organization

    def validate_unique(self) -> None:
        """Left to the domain."""

    def clean(self) -> None:
        """Mark the rows that the domain has something against."""
        super().clean()
        if any(self.errors) or not self.has_changed():
            return
        # As it was before the form was filled into it.
        campaign = Campaign.objects.filter(pk=self.instance.pk).first()
        campaign = campaign or Campaign(organization=self.organization)
        plans = self.plans()
        places = Counter(plan.position for plan in plans)
        # An error takes its field out of a form's `cleaned_data`.
        filled_in = [(form, {**form.cleaned_data}) for form in self.forms]
        as_a_whole = []
        for error in reward_errors_of_change(campaign, plans, now=timezone.now()):
            about = [(form, row) for form, row in filled_in if row.get("reward") in error.rewards]
            if error.field == "position":  # a reward that is there twice may have one of its own
                about = [(form, row) for form, row in about if places[row["position"]] > 1]
            for form, _row in about:
                form.add_error(error.field, error.text)
            if not about:
                as_a_whole.append(error.text)
        if as_a_whole:
            raise ValidationError(as_a_whole)

    def plans(self) -> tuple[RewardPlan, ...]:
        """The rewards of the rows. A row without a position gets the first that is free."""
        rows = list(rows_of(self))
        taken = {row["position"] for row in rows if row["position"]}
        free = (position for position in itertools.count(1) if position not in taken)
        return tuple(
            RewardPlan(row["reward"], row["required_minutes"], row["position"] or next(free)) for row in rows
        )

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import VerbForm, carry_drawn_values
from accounts.dashboard.kit.moments import MomentField, ZoneForm
from accounts.dashboard.kit.objects import rows_of
from accounts.dashboard.kit.scoping import ScopedFormSet
from accounts.models import Organization
from drops.dashboard.allow_lists import ChannelsForm
from drops.dashboard.timeline import Timeline, timeline_of_days
from drops.domain.campaigns.lifecycle import reward_errors_of_change
from drops.domain.campaigns.plans import MAX_DAYS, CampaignPlan, RewardPlan, fixed_fields
from drops.models import Campaign, Reward
from drops.models.campaigns import MAX_REWARDS

LINE = ("starts_at", "ends_at", "announcement_days", "grace_days")
DATES = (*LINE, "publish_at")
# What may be added to the allow-list beside the list.
ADDITIONS = ("add_channel", "channels_file", "leave_out_unknown")
PLANNED = frozenset(field.name for field in fields(CampaignPlan))


class DatesForm(ZoneForm):
    starts_at = MomentField(label=_("Start"))
    ends_at = MomentField(label=_("End"), help_text=_("Viewers earn nothing after this time."))
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

    publish_at = MomentField(
        label=_("Publish at"),
        required=False,
        help_text=_("A draft is then published by itself. If empty, you publish it by its button."),
    )

    def draw_dates(self, campaign: Campaign | None) -> None:
        """To be called once the form knows what it is bound to."""
        if campaign is not None:
            for name in DATES:
                self.initial[name] = getattr(campaign, name)
            for name in fixed_fields(campaign.phase(timezone.now())):
                if name in self.fields:  # those who may only look have a form without fields
                    self.fields[name].disabled = True
        self.read_times()

    def draw_only(self) -> None:
        """While somebody types, what is not typed yet is no error, and what is wrong stands beside its field."""
        self._errors = ErrorDict()
        for field in self.fields.values():
            if isinstance(field, MomentField):
                field.widget.explains = True

    def timeline(self) -> Timeline:
        """The dates that follow from what the form holds, as far as they can be read."""
        values: dict[str, Any] = dict.fromkeys(LINE)
        for name in LINE:
            with suppress(ValidationError):
                values[name] = self.fields[name].clean(self[name].value())
        return timeline_of_days(**values, now=timezone.now(), zone=self.times_zone)


class CampaignForm(DatesForm, ChannelsForm, VerbForm):
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
        is_new = self.instance._state.adding
        if not is_new:
            self.initial["channels"] = "\n".join(self.present)
        self.draw_dates(None if is_new else self.instance)
        for name in ADDITIONS:
            if name in self.fields:
                self.fields[name].show_hidden_initial = False
                self.fields[name].disabled = self.fields["channels"].disabled

    @cached_property
    def present(self) -> list[str]:
        """The slugs of the allow-list, as it is."""
        if self.instance._state.adding:
            return []
        return list(self.instance.allowed_channels.values_list("channel__slug", flat=True))

    def changes(self) -> dict[str, Any]:
        """The fields of the plan that were touched."""
        touched = {name: value for name, value in super().changes().items() if name in PLANNED}
        if "channels" in self.cleaned_data and any(self.cleaned_data.get(name) for name in ADDITIONS):
            touched["channels"] = self.cleaned_data["channels"]
        return touched

    def plan_values(self) -> dict[str, Any]:
        """All fields of the plan that the form has."""
        return {name: value for name, value in self.cleaned_data.items() if name in PLANNED}

    def clean_starts_at(self) -> datetime | None:
        return self._exact("starts_at")

    def clean_ends_at(self) -> datetime | None:
        return self._exact("ends_at")

    def clean_publish_at(self) -> datetime | None:
        return self._exact("publish_at")

    def clean(self) -> dict[str, Any] | None:
        self.read_channels(self.present, self.data.get(self.add_initial_prefix("channels")))
        return super().clean()

    def _exact(self, name: str) -> datetime | None:
        """The picker knows minutes: a moment of the same minute is the one that was there."""
        picked: datetime | None = self.cleaned_data[name]
        present: datetime | None = None if self.instance._state.adding else self.initial.get(name)
        if picked is not None and present is not None and _minute(picked) == _minute(present):
            return present
        return picked


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


class RewardSelect(forms.Select):
    """Its options know the images of their rewards."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        option = super().create_option(name, value, *args, **kwargs)
        reward: Reward | None = getattr(value, "instance", None)
        if reward is not None and reward.image:
            option["attrs"]["data-image"] = reward.image.url
        return option


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

    @property
    def in_order(self) -> list[Any]:
        """The rows by the positions that they say, empty ones last."""
        return sorted(self.forms, key=lambda form: _number(form["position"].value()))

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


MOVE = "move"


def _number(text: Any) -> int:
    return int(text) if str(text or "").isdecimal() and len(str(text)) < 5 else 10_000


def move_row(data: QueryDict, prefix: str) -> QueryDict:
    """What was posted, with the row that a button names a place higher or lower: "3:up", "3:down"."""
    row, _colon, direction = data.get(MOVE, "").partition(":")
    count = min(_number(data.get(f"{prefix}-TOTAL_FORMS")), 10 * MAX_REWARDS)
    filled_in = [at for at in range(count) if data.get(f"{prefix}-{at}-reward")]
    order = sorted(filled_in, key=lambda at: (_number(data.get(f"{prefix}-{at}-position")), at))
    moved = data.copy()
    if row.isdecimal() and _number(row) in order:
        here = order.index(_number(row))
        there = here + (1 if direction == "down" else -1)
        if 0 <= there < len(order):
            order[here], order[there] = order[there], order[here]
    for place, at in enumerate(order, start=1):
        moved[f"{prefix}-{at}-position"] = str(place)
    return moved

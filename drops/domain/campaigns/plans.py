"""Campaigns: planned, published, changed while they run, withdrawn.

What may still be changed follows from one promise: nothing that was earned, or can still be earned
as announced, is taken away.

| phase | what may change |
| --- | --- |
| draft | everything |
| scheduled, announced | everything but the time of publication (the campaign must stay publishable) |
| live | name, info URL, allow-list; test mode off; end and close later; thresholds lower; more rewards; their order |
| grace, withdrawn | name, info URL; test mode off; close later; thresholds lower; the order of the rewards |
| closed | nothing |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _

from accounts.domain.organizations import check_web_address
from drops.domain.catalogue import categories
from drops.models import Campaign, CampaignPhase, Category, Channel, Reward
from drops.models.campaigns import MAX_REWARDS

MAX_DAYS = 365
MAX_CHANNELS = 10_000
STARTED = (CampaignPhase.LIVE, CampaignPhase.GRACE, CampaignPhase.WITHDRAWN)
ENDED = (CampaignPhase.GRACE, CampaignPhase.WITHDRAWN)


# The fields that stay as they are once a campaign is published, once it has started, and once it has ended.
FIXED_ONCE_PUBLISHED = ("publish_at",)
FIXED_AT_START = (*FIXED_ONCE_PUBLISHED, "category", "starts_at", "announcement_days")
FIXED_AT_END = (*FIXED_AT_START, "ends_at", "channels")


class RewardError(NamedTuple):
    """What is wrong with `field` of the plans of these rewards; with the list as a whole, if there are none."""

    text: str
    field: str = ""
    rewards: Sequence[Reward] = ()


class RewardPlan(NamedTuple):
    """A reward to attach: `required_minutes` of watch time earn it, `position` orders it (1 to 12)."""

    reward: Reward
    required_minutes: int
    position: int


@dataclass(frozen=True)
class CampaignPlan:
    """All that an organization says of a campaign. `category` None: any; `channels` empty: global; `publish_at` None:
    published by hand.

    A field that the campaign's row has too needs no more than its line here: it is read, written and recorded
    by its name.
    """

    name: str
    starts_at: datetime
    ends_at: datetime
    category: Category | None = None
    info_url: str = ""
    announcement_days: int = 0
    grace_days: int = 0
    test_mode: bool = False
    publish_at: datetime | None = None
    rewards: Sequence[RewardPlan] = ()
    channels: Sequence[Channel] = ()

    @property
    def announces_at(self) -> datetime:
        return self.starts_at - timedelta(days=self.announcement_days)

    @property
    def closes_at(self) -> datetime:
        return self.ends_at + timedelta(days=self.grace_days)


# The fields of a plan that are rows of their own, and those that follow from the row's moments.
LISTS = ("rewards", "channels")
DAYS = ("announcement_days", "grace_days")
VALUES = tuple(field.name for field in fields(CampaignPlan) if field.name not in LISTS)
# What the campaign's row keeps of a plan.
COLUMNS = (*(name for name in VALUES if name not in DAYS), "announces_at", "closes_at")


def plan_of(campaign: Campaign) -> CampaignPlan:
    """The plan that `campaign` follows now: replace parts of it to change the campaign."""
    return CampaignPlan(
        **{name: getattr(campaign, name) for name in VALUES},
        rewards=tuple(
            RewardPlan(attached.reward, attached.required_minutes, attached.position)
            for attached in campaign.campaign_rewards.select_related("reward")
        ),
        channels=tuple(entry.channel for entry in campaign.allowed_channels.select_related("channel")),
    )


def open_changes(campaign: Campaign, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Once a campaign is published, when it was to be published means nothing: the body that made it can be sent
    again."""
    if campaign.published_at is None:
        return changes
    return {name: value for name, value in changes.items() if name != "publish_at"}


def fixed_fields(phase: CampaignPhase) -> tuple[str, ...]:
    """Fields of the plan that no longer change in `phase`. Others may be limited still."""
    if phase in ENDED:
        return FIXED_AT_END
    if phase in STARTED:
        return FIXED_AT_START
    return () if phase is CampaignPhase.DRAFT else FIXED_ONCE_PUBLISHED


def check_plan(campaign: Campaign, plan: CampaignPlan) -> None:
    """ValidationError, with a message per field, where `plan` cannot be one of this organization's."""
    if errors := errors_of(campaign, vars(plan)):
        raise ValidationError(errors)


def errors_of(campaign: Campaign, plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with those fields of a plan that are in `plan`, by field."""
    errors = _text_errors(plan)

    def refuse(name: str, message: str) -> None:
        errors.setdefault(name, []).append(message)

    category = plan.get("category")
    if category and not categories.is_usable(category, campaign):
        refuse("category", _("Choose a category that your organization claims, or none."))
    for name in ("starts_at", "ends_at", "publish_at"):
        if plan.get(name) is not None and not 2000 <= plan[name].year <= 2100:
            refuse(name, _("Choose a year between 2000 and 2100."))
    if {"starts_at", "ends_at"} <= plan.keys() and plan["starts_at"] >= plan["ends_at"]:
        refuse("ends_at", _("The end must be after the start."))
    if plan.get("publish_at") and "starts_at" in plan and plan["publish_at"] > plan["starts_at"]:
        refuse("publish_at", _("The campaign must be published by its start."))
    for name in DAYS:
        if not 0 <= plan.get(name, 0) <= MAX_DAYS:
            refuse(name, _("Choose between 0 and %(count)d days.") % {"count": MAX_DAYS})
    if len(plan.get("channels", ())) > MAX_CHANNELS:
        refuse(
            "channels",
            _("Enter at most %(count)d channels. To allow all channels, leave the list empty.")
            % {"count": MAX_CHANNELS},
        )
    for error in reward_errors(campaign, plan.get("rewards", ())):
        refuse("rewards", error.text)
    return errors


def _text_errors(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """What the columns have against the values themselves."""
    row = Campaign(**{name: plan[name] for name in VALUES if name in plan and name not in DAYS})
    try:
        row.clean_fields(exclude={field.name for field in Campaign._meta.fields} - plan.keys() | {"category"})
        check_web_address("info_url", row.info_url)
    except ValidationError as error:
        return dict(error.message_dict)
    return {}


def reward_errors(campaign: Campaign, rewards: Sequence[RewardPlan]) -> Iterable[RewardError]:
    """What is wrong with the rewards of a plan."""
    if len(rewards) > MAX_REWARDS:
        yield RewardError(_("A campaign can have at most %(count)d rewards.") % {"count": MAX_REWARDS})
    times = Counter(entry.reward for entry in rewards)
    if twice := [reward for reward, count in times.items() if count > 1]:
        yield RewardError(_("A reward is attached twice."), "reward", twice)
    places = Counter(entry.position for entry in rewards)
    if together := [entry.reward for entry in rewards if places[entry.position] > 1]:
        yield RewardError(_("Two rewards have the same position."), "position", together)
    attached = set(campaign.campaign_rewards.values_list("reward_id", flat=True)) if campaign.pk else set()
    for entry in rewards:
        if entry.reward.organization_id != campaign.organization_id:
            yield RewardError(_("Choose rewards of your own organization."), "reward", [entry.reward])
        elif entry.reward.archived_at is not None and entry.reward.pk not in attached:
            text = _("“%(reward)s” is archived. Restore it first.") % {"reward": entry.reward}
            yield RewardError(text, "reward", [entry.reward])


def is_past(publish_at: datetime | None, present: datetime | None, now: datetime) -> bool:
    """Whether a time of publication that is new has passed already."""
    return publish_at is not None and publish_at != present and publish_at <= now


def refusals_of(phase: CampaignPhase, present: CampaignPlan, plan: CampaignPlan) -> dict[str, str]:
    """What `plan` would take away from viewers, by field (see the table at the top)."""
    if phase is CampaignPhase.CLOSED:
        return {NON_FIELD_ERRORS: _("The campaign has closed. You can no longer change it.")}
    if phase not in STARTED:
        return {}
    refusals = {
        name: _("The campaign has ended. You can no longer change this.")
        if phase in ENDED
        else _("The campaign has started. You can no longer change this.")
        for name in fixed_fields(phase)
        if _differs(getattr(present, name), getattr(plan, name))
    }
    if plan.ends_at < present.ends_at:
        refusals["ends_at"] = _(
            "Viewers count on the announced end, so it can only move later. End or withdraw the campaign to stop it."
        )
    if plan.closes_at < present.closes_at:
        refusals["grace_days"] = _(
            "Viewers count on the announced last day to claim, so it can only move later."
        )
    if plan.test_mode and not present.test_mode:
        refusals["test_mode"] = _(
            "The campaign has started for everybody, and test mode would lock viewers out."
        )
    if refusal := reward_refusal(phase, present.rewards, plan.rewards):
        refusals["rewards"] = refusal.text
    return refusals


def _differs(present: object, wanted: object) -> bool:
    """Whether a field changes; the order of channels means nothing."""
    if isinstance(present, tuple) and isinstance(wanted, (tuple, list)):
        return set(present) != set(wanted)
    return present != wanted


def reward_refusal(
    phase: CampaignPhase, present: Iterable[RewardPlan], wanted: Iterable[RewardPlan]
) -> RewardError | None:
    """What `wanted` would take away from viewers."""
    if phase not in STARTED:
        return None
    before = {entry.reward: entry.required_minutes for entry in present}
    after = {entry.reward: entry.required_minutes for entry in wanted}
    for reward, minutes in before.items():
        if reward not in after:
            text = _("“%(reward)s” stays attached, because viewers have watched for it.")
            return RewardError(text % {"reward": reward}, "reward", [reward])
        if after[reward] > minutes:
            text = _(
                "“%(reward)s” requires %(minutes)d minutes. Once the campaign has started, you can "
                "only lower this number."
            )
            return RewardError(text % {"reward": reward, "minutes": minutes}, "required_minutes", [reward])
    if phase in ENDED and len(after) > len(before):
        added = [reward for reward in after if reward not in before]
        return RewardError(_("The campaign has ended. You can no longer add rewards."), "reward", added)
    return None


def describe_plan(plan: CampaignPlan) -> dict[str, object]:
    """The plan as JSON, for the audit trail."""
    return {name: _described(getattr(plan, name)) for name in VALUES} | {
        "rewards": [
            [entry.reward.name, entry.required_minutes]
            for entry in sorted(plan.rewards, key=lambda entry: entry.position)
        ],
        "channels": sorted(channel.slug for channel in plan.channels),
    }


def _described(value: Any) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Category():
            return value.name
    return value

"""A campaign that its studio keeps as a file: what the file would change, what of it is refused, and doing it.

A plan has a version. It stands for the campaign as it was looked at, its phase, and what the file asks for. What is
applied is what was looked at: if anything of it is another by then, it is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from accounts.domain import permissions
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from accounts.domain.verbs import lock_for
from drops.domain.campaigns.lifecycle import amend_campaign, errors_of_change
from drops.domain.campaigns.plans import (
    VALUES,
    CampaignPlan,
    RewardPlan,
    open_changes,
    plan_of,
    reward_errors,
    reward_refusal,
)
from drops.models import Campaign, CampaignPhase


class OutOfDate(Exception):
    """The campaign, or what is asked for, is no longer what the plan was made of."""


class FileChange(NamedTuple):
    """One thing that the file changes. `field` is one of the plan's.

    Of `rewards`, `about` is the name of the one that is attached, detached or needs other minutes, and `before` and
    `after` are its minutes, None where it is not attached; without `about` they are the names in their order. Of
    `channels`, `about` is the channel that is added or removed, and `before` and `after` say whether it is listed.
    """

    field: str
    about: str
    before: Any
    after: Any
    refused: str = ""


class FilePlan(NamedTuple):
    """`problems`: what stands against the file as a whole, by field; "" for none in particular."""

    version: str
    changes: Sequence[FileChange]
    problems: Sequence[tuple[str, str]]

    @property
    def refused(self) -> int:
        """How many changes are refused."""
        return sum(bool(change.refused) for change in self.changes)

    @property
    def can_be_applied(self) -> bool:
        return bool(self.changes) and not self.refused and not self.problems


def plan_file(*, campaign: Campaign, wanted: Mapping[str, Any], now: datetime, actor: Actor) -> FilePlan:
    """What `wanted`, fields of a plan, would change of the campaign. Nothing is changed."""
    permissions.require(actor=actor, organization=campaign.organization, action=Action.CHANGE_CAMPAIGNS)
    present = plan_of(campaign)
    wanted = open_changes(campaign, wanted)
    plan = replace(present, **wanted)
    errors = errors_of_change(campaign, wanted, now=now)
    changes = [
        *_values(present, plan, errors),
        *_rewards(campaign, present, plan, errors, campaign.phase(now)),
        *_channels(present, plan, errors),
    ]
    problems = [
        ("" if name == NON_FIELD_ERRORS else name, text) for name, texts in errors.items() for text in texts
    ]
    if changes and not problems and not any(change.refused for change in changes):
        problems = _problems_of_the_whole(campaign, wanted, now, actor)
    return FilePlan(_version(campaign, present, plan, now), changes, problems)


@transaction.atomic
def apply_file(
    *, campaign: Campaign, wanted: Mapping[str, Any], version: str, now: datetime, actor: Actor
) -> Campaign:
    """Change the campaign as `plan_file` has said. OutOfDate where the plan's version is another by now;
    ValidationError, per field, as for `amend_campaign`."""
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    present = plan_of(campaign)
    wanted = open_changes(campaign, wanted)
    if _version(campaign, present, replace(present, **wanted), now) != version:
        raise OutOfDate
    return amend_campaign(campaign=campaign, changes=wanted, now=now, actor=actor)


def _values(present: CampaignPlan, plan: CampaignPlan, errors: dict[str, list[str]]) -> Iterator[FileChange]:
    for name in VALUES:
        before, after = getattr(present, name), getattr(plan, name)
        if before != after:
            yield FileChange(name, "", before, after, " ".join(errors.pop(name, ())))


def _rewards(
    campaign: Campaign,
    present: CampaignPlan,
    plan: CampaignPlan,
    errors: dict[str, list[str]],
    phase: CampaignPhase,
) -> Iterator[FileChange]:
    before = {entry.reward: entry for entry in present.rewards}
    after = {entry.reward: entry for entry in plan.rewards}
    found = list(reward_errors(campaign, plan.rewards))
    told: set[str] = set()
    for reward in [*before, *(reward for reward in after if reward not in before)]:
        old, new = before.get(reward), after.get(reward)
        minutes = (old and old.required_minutes, new and new.required_minutes)
        wrong = [error.text for error in found if reward in error.rewards]
        if minutes[0] != minutes[1] and (refusal := _refusal(phase, present, reward, new)):
            wrong.append(refusal)
        told.update(wrong)
        if minutes[0] != minutes[1] or wrong:
            yield FileChange("rewards", reward.name, *minutes, " ".join(wrong))
    orders = [
        [each.reward.name for each in sorted(entries.values(), key=lambda entry: entry.position)]
        for entries in (before, after)
    ]
    if before.keys() == after.keys() and orders[0] != orders[1]:
        yield FileChange("rewards", "", orders[0], orders[1])
    if left := [text for text in errors.pop("rewards", ()) if text not in told]:
        errors["rewards"] = left


def _refusal(phase: CampaignPhase, present: CampaignPlan, reward: Any, wanted: RewardPlan | None) -> str:
    """What this one reward of the file would take away from viewers, if it were the only change."""
    others = [entry for entry in present.rewards if entry.reward != reward]
    refusal = reward_refusal(phase, present.rewards, [*others, wanted] if wanted else others)
    return refusal.text if refusal else ""


def _channels(
    present: CampaignPlan, plan: CampaignPlan, errors: dict[str, list[str]]
) -> Iterator[FileChange]:
    before, after = ({channel.slug for channel in each.channels} for each in (present, plan))
    refused = " ".join(errors.pop("channels", ())) if before != after else ""
    for slug in sorted(before ^ after):
        yield FileChange("channels", slug, slug in before, slug in after, refused)


def _problems_of_the_whole(
    campaign: Campaign, wanted: Mapping[str, Any], now: datetime, actor: Actor
) -> list[tuple[str, str]]:
    """What is known only once it is done: a published campaign has to stay publishable. It is undone again."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                amend_campaign(campaign=campaign, changes=wanted, now=now, actor=actor)
        except ValidationError as error:
            named = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            return [(name, text) for name, texts in named.items() for text in texts]
        finally:
            transaction.set_rollback(True)
    return []


def _version(campaign: Campaign, present: CampaignPlan, plan: CampaignPlan, now: datetime) -> str:
    facts = (campaign.pk, str(campaign.phase(now)), _facts(present), _facts(plan))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def _facts(plan: CampaignPlan) -> tuple[object, ...]:
    values = (getattr(plan, name) for name in VALUES)
    return (
        *(
            value.isoformat() if isinstance(value, datetime) else getattr(value, "pk", value)
            for value in values
        ),
        [(entry.reward.pk, entry.required_minutes, entry.position) for entry in _ordered(plan)],
        sorted(channel.pk for channel in plan.channels),
    )


def _ordered(plan: CampaignPlan) -> list[RewardPlan]:
    return sorted(plan.rewards, key=lambda entry: entry.position)

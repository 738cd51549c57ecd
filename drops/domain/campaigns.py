"""Campaigns: planned, published, changed while they run, withdrawn.

What may still be changed follows from one promise: nothing that was earned, or can still be earned
as announced, is taken away.

| phase | what may change |
| --- | --- |
| draft, scheduled, announced | everything (a published campaign must stay publishable) |
| live | name, info URL, allow-list; test mode off; end and close later; thresholds lower; more rewards; their order |
| grace, withdrawn | name, info URL; close later; thresholds lower; the order of the rewards |
| closed | nothing |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from accounts.domain import audit
from accounts.domain.organizations import check_web_address
from accounts.models import OAuthApp, Organization, User
from drops.domain.watch_terms import remember_terms
from drops.models import AllowedChannel, Campaign, CampaignPhase, CampaignReward, Category, Channel, Reward
from drops.models.campaigns import MAX_REWARDS

Actor = User | OAuthApp | None

MAX_DAYS = 365
MAX_CHANNELS = 1000
STARTED = (CampaignPhase.LIVE, CampaignPhase.GRACE, CampaignPhase.WITHDRAWN)
ENDED = (CampaignPhase.GRACE, CampaignPhase.WITHDRAWN)

# The fields that stay as they are once a campaign has started, and once it has ended.
FIXED_AT_START = ("category", "starts_at", "announcement_days")
FIXED_AT_END = (*FIXED_AT_START, "ends_at", "channels")


class RewardPlan(NamedTuple):
    """A reward to attach: `required_minutes` of watch time earn it, `position` orders it (1 to 12)."""

    reward: Reward
    required_minutes: int
    position: int


@dataclass(frozen=True)
class CampaignPlan:
    """All that an organization says of a campaign. `category` None: any; `channels` empty: global."""

    name: str
    category: Category | None
    info_url: str
    starts_at: datetime
    ends_at: datetime
    announcement_days: int
    grace_days: int
    test_mode: bool = False
    rewards: Sequence[RewardPlan] = field(default_factory=tuple)
    channels: Sequence[Channel] = field(default_factory=tuple)

    @property
    def announces_at(self) -> datetime:
        return self.starts_at - timedelta(days=self.announcement_days)

    @property
    def closes_at(self) -> datetime:
        return self.ends_at + timedelta(days=self.grace_days)


class Problem(NamedTuple):
    """Something that keeps a campaign from being published, and what to do about it."""

    code: str
    text: str


def plan_of(campaign: Campaign) -> CampaignPlan:
    """The plan that `campaign` follows now: replace parts of it to change the campaign."""
    return CampaignPlan(
        name=campaign.name,
        category=campaign.category,
        info_url=campaign.info_url,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        announcement_days=campaign.announcement_days,
        grace_days=campaign.grace_days,
        test_mode=campaign.test_mode,
        rewards=tuple(
            RewardPlan(attached.reward, attached.required_minutes, attached.position)
            for attached in campaign.campaign_rewards.select_related("reward")
        ),
        channels=tuple(entry.channel for entry in campaign.allowed_channels.select_related("channel")),
    )


def fixed_fields(phase: CampaignPhase) -> tuple[str, ...]:
    """Fields of the plan that no longer change in `phase`. Others may be limited still."""
    if phase in ENDED:
        return FIXED_AT_END
    return FIXED_AT_START if phase in STARTED else ()


@transaction.atomic
def create_campaign(
    *, organization: Organization, plan: CampaignPlan, now: datetime, actor: Actor
) -> Campaign:
    """A draft. ValidationError, with a message per field, where the plan is not possible."""
    campaign = Campaign(organization=organization)
    _check(campaign, plan)
    _write(campaign, plan)
    audit.record(
        action="campaign.created",
        target=campaign,
        now=now,
        actor=actor,
        organization=organization,
        data=_describe(plan),
    )
    return campaign


@transaction.atomic
def change_campaign(*, campaign: Campaign, plan: CampaignPlan, now: datetime, actor: Actor) -> Campaign:
    """Make `campaign` follow `plan`. ValidationError, per field, for what may not change any more."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    present = plan_of(campaign)
    _check(campaign, plan)
    if refusals := _refusals(campaign.phase(now), present, plan):
        raise ValidationError(refusals)
    remember_terms(campaign=campaign, now=now)
    _write(campaign, plan)
    if campaign.published_at is not None and campaign.phase(now) not in STARTED:
        _refuse_problems(campaign, now)
    before, after = _describe(present), _describe(plan)
    audit.record(
        action="campaign.changed",
        target=campaign,
        now=now,
        actor=actor,
        organization=campaign.organization,
        data={key: [before[key], after[key]] for key in after if before[key] != after[key]},
    )
    return campaign


@transaction.atomic
def amend_campaign(
    *, campaign: Campaign, changes: Mapping[str, Any], now: datetime, actor: Actor
) -> Campaign:
    """`change_campaign` in those fields of its plan that are in `changes`. Of two at once both are kept."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    plan = replace(plan_of(campaign), **changes)
    return change_campaign(campaign=campaign, plan=plan, now=now, actor=actor)


@transaction.atomic
def publish_campaign(*, campaign: Campaign, now: datetime, actor: Actor) -> Campaign:
    """Let the campaign run by its dates. ValidationError with every problem there is; twice is once."""
    campaign = (
        Campaign.objects.select_for_update(no_key=True).select_related("organization").get(pk=campaign.pk)
    )
    if campaign.withdrawn_at is not None:
        raise ValidationError("A withdrawn campaign cannot be published again. Make a new one.")
    if campaign.published_at is not None:
        return campaign
    _refuse_problems(campaign, now)
    campaign.published_at = now
    campaign.full_clean()
    campaign.save(update_fields=["published_at", "updated_at"])
    audit.record(
        action="campaign.published",
        target=campaign,
        now=now,
        actor=actor,
        organization=campaign.organization,
    )
    return campaign


@transaction.atomic
def withdraw_campaign(*, campaign: Campaign, now: datetime, actor: Actor) -> Campaign:
    """Stop a published campaign: nothing more is earned, what was earned stays claimable until it closes."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    phase = campaign.phase(now)
    if phase is CampaignPhase.WITHDRAWN:
        return campaign
    if phase in (CampaignPhase.DRAFT, CampaignPhase.CLOSED):
        raise ValidationError(
            "Only a published campaign that has not closed can be withdrawn: this one is %(phase)s.",
            code="not_withdrawable",
            params={"phase": phase.label.lower()},
        )
    campaign.withdrawn_at = now
    campaign.full_clean()
    campaign.save(update_fields=["withdrawn_at", "updated_at"])
    audit.record(
        action="campaign.withdrawn",
        target=campaign,
        now=now,
        actor=actor,
        organization=campaign.organization,
    )
    return campaign


@transaction.atomic
def delete_draft(*, campaign: Campaign, now: datetime, actor: Actor) -> None:
    """Delete a campaign that was never published. ValidationError for any other."""
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if campaign.published_at is not None:
        raise ValidationError("A published campaign is withdrawn, not deleted.")
    audit.record(
        action="campaign.deleted",
        target=campaign,
        now=now,
        actor=actor,
        organization=campaign.organization,
        data={"name": campaign.name},
    )
    campaign.delete()


def problems_of(campaign: Campaign, *, now: datetime) -> list[Problem]:
    """Everything that keeps `campaign` from being published at `now`; empty when it can be."""
    organization = campaign.organization
    attached = list(campaign.campaign_rewards.select_related("reward"))
    problems = []
    if organization.approved_at is None:
        problems.append(Problem("not_approved", "The organization has to be approved by the platform first."))
    if organization.suspended_at is not None:
        problems.append(Problem("suspended", "The organization is suspended. Ask the platform why."))
    if campaign.category is not None and campaign.category.organization_id != organization.pk:
        problems.append(
            Problem("category_not_claimed", f"Your organization does not claim “{campaign.category}”.")
        )
    if not organization.connect_url:
        problems.append(
            Problem(
                "no_connect_url",
                "Set the connection page in the organization's settings: "
                "without it viewers cannot connect their game account.",
            )
        )
    if not organization.oauth_apps.filter(deleted_at__isnull=True).exists():
        problems.append(
            Problem("no_oauth_app", "Create an OAuth app: connecting a game account goes through it.")
        )
    if campaign.ends_at <= now:
        problems.append(Problem("ends_in_past", "The end is in the past. Move it later."))
    if not attached:
        problems.append(Problem("no_rewards", "Attach at least one reward."))
    minutes_left = (campaign.ends_at - max(campaign.starts_at, now)) // timedelta(minutes=1)
    for entry in attached:
        if entry.reward.archived_at is not None:
            problems.append(
                Problem("reward_archived", f"“{entry.reward}” is archived. Restore or detach it.")
            )
        if entry.required_minutes > minutes_left > 0:
            problems.append(
                Problem(
                    "reward_out_of_reach",
                    f"“{entry.reward}” takes {entry.required_minutes} minutes, "
                    f"but the campaign lasts {minutes_left} from now on.",
                )
            )
    return problems


def _refuse_problems(campaign: Campaign, now: datetime) -> None:
    problems = problems_of(campaign, now=now)
    if problems:
        raise ValidationError([ValidationError(problem.text, code=problem.code) for problem in problems])


def _check(campaign: Campaign, plan: CampaignPlan) -> None:
    """ValidationError, with a message per field, where `plan` cannot be one of this organization's."""
    errors: dict[str, list[str]] = {}

    def refuse(name: str, message: str) -> None:
        errors.setdefault(name, []).append(message)

    if plan.category and plan.category.organization_id != campaign.organization_id:
        refuse("category", "Choose a category that your organization claims, or none.")
    for name in ("starts_at", "ends_at"):
        if not 2000 <= getattr(plan, name).year <= 2100:
            refuse(name, "A year between 2000 and 2100.")
    if plan.starts_at >= plan.ends_at:
        refuse("ends_at", "The end must be after the start.")
    for name in ("announcement_days", "grace_days"):
        if not 0 <= getattr(plan, name) <= MAX_DAYS:
            refuse(name, f"Between 0 and {MAX_DAYS} days.")
    if len(plan.channels) > MAX_CHANNELS:
        refuse("channels", f"At most {MAX_CHANNELS} channels. Leave the list empty for all.")
    for message in _reward_errors(campaign, plan.rewards):
        refuse("rewards", message)
    if errors:
        raise ValidationError(errors)


def _reward_errors(campaign: Campaign, rewards: Sequence[RewardPlan]) -> Iterable[str]:
    if len(rewards) > MAX_REWARDS:
        yield f"A campaign has at most {MAX_REWARDS} rewards."
    if len({entry.reward.pk for entry in rewards}) < len(rewards):
        yield "A reward is attached twice."
    if len({entry.position for entry in rewards}) < len(rewards):
        yield "Two rewards have the same position."
    attached = set(campaign.campaign_rewards.values_list("reward_id", flat=True)) if campaign.pk else set()
    for entry in rewards:
        if entry.reward.organization_id != campaign.organization_id:
            yield "Choose rewards of your own organization."
        elif entry.reward.archived_at is not None and entry.reward.pk not in attached:
            yield f"“{entry.reward}” is archived. Restore it first."


def _refusals(phase: CampaignPhase, present: CampaignPlan, plan: CampaignPlan) -> dict[str, str]:
    """What `plan` would take away from viewers, by field (see the table at the top)."""
    if phase is CampaignPhase.CLOSED:
        return {NON_FIELD_ERRORS: "The campaign has closed: nothing of it can be changed."}
    if phase not in STARTED:
        return {}
    refusals = {
        name: "The campaign has ended: this stays as it is."
        if phase in ENDED
        else "The campaign has started: this stays as it is."
        for name in fixed_fields(phase)
        if _differs(getattr(present, name), getattr(plan, name))
    }
    if plan.ends_at < present.ends_at:
        refusals["ends_at"] = (
            "Viewers count on the announced end: it can only move later. Withdraw the campaign to stop it."
        )
    if plan.closes_at < present.closes_at:
        refusals["grace_days"] = "Viewers count on the announced last day to claim: it can only move later."
    if plan.test_mode and not present.test_mode:
        refusals["test_mode"] = "The campaign has started for everybody: test mode would lock viewers out."
    if message := _reward_refusal(phase, present.rewards, plan.rewards):
        refusals["rewards"] = message
    return refusals


def _differs(present: object, wanted: object) -> bool:
    """Whether a field changes; the order of channels means nothing."""
    if isinstance(present, tuple) and isinstance(wanted, (tuple, list)):
        return set(present) != set(wanted)
    return present != wanted


def _reward_refusal(phase: CampaignPhase, present: Iterable[RewardPlan], wanted: Iterable[RewardPlan]) -> str:
    before = {entry.reward: entry.required_minutes for entry in present}
    after = {entry.reward: entry.required_minutes for entry in wanted}
    for reward, minutes in before.items():
        if reward not in after:
            return f"“{reward}” stays attached: viewers have watched for it."
        if after[reward] > minutes:
            return f"“{reward}” takes {minutes} minutes: once the campaign has started this can only go down."
    if phase in ENDED and len(after) > len(before):
        return "The campaign has ended: no rewards can be added."
    return ""


def _write(campaign: Campaign, plan: CampaignPlan) -> None:
    for name in (
        "name",
        "category",
        "info_url",
        "starts_at",
        "ends_at",
        "announces_at",
        "closes_at",
        "test_mode",
    ):
        setattr(campaign, name, getattr(plan, name))
    check_web_address("info_url", campaign.info_url)
    campaign.full_clean()
    campaign.save()
    _write_rewards(campaign, plan.rewards)
    wanted = {channel.pk for channel in plan.channels}
    present = set(campaign.allowed_channels.values_list("channel_id", flat=True))
    campaign.allowed_channels.exclude(channel_id__in=wanted).delete()
    AllowedChannel.objects.bulk_create(
        AllowedChannel(campaign=campaign, channel_id=pk) for pk in sorted(wanted - present)
    )


def _write_rewards(campaign: Campaign, rewards: Iterable[RewardPlan]) -> None:
    wanted = {(entry.reward.pk, entry.required_minutes, entry.position) for entry in rewards}
    # Rows that differ are deleted before any is written: two rewards that swap positions would
    # otherwise collide on the way.
    for row in campaign.campaign_rewards.all():
        key = (row.reward_id, row.required_minutes, row.position)
        if key in wanted:
            wanted.discard(key)
        else:
            row.delete()
    for reward_id, required_minutes, position in sorted(wanted, key=lambda key: key[2]):
        row = CampaignReward(
            campaign=campaign, reward_id=reward_id, required_minutes=required_minutes, position=position
        )
        try:
            row.full_clean()
        except ValidationError as error:
            raise ValidationError({"rewards": error.messages}) from error
        row.save()


def _describe(plan: CampaignPlan) -> dict[str, object]:
    """The plan as JSON, for the audit trail."""
    return {
        "name": plan.name,
        "category": plan.category.name if plan.category else None,
        "info_url": plan.info_url,
        "starts_at": plan.starts_at.isoformat(),
        "ends_at": plan.ends_at.isoformat(),
        "announcement_days": plan.announcement_days,
        "grace_days": plan.grace_days,
        "test_mode": plan.test_mode,
        "rewards": [
            [entry.reward.name, entry.required_minutes]
            for entry in sorted(plan.rewards, key=lambda entry: entry.position)
        ],
        "channels": sorted(channel.slug for channel in plan.channels),
    }

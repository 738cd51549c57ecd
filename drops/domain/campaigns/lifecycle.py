"""What happens to a campaign: it is created, changed, published, ended, withdrawn or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions, two_owners
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from accounts.domain.two_owners import Act, wait_for_second_owner
from accounts.domain.verbs import ALREADY, change, explained, goes_ahead, lock_for
from accounts.models import Organization, OrganizationState, Proposal
from drops.domain.campaigns import promises
from drops.domain.campaigns.plans import (
    COLUMNS,
    MAX_DAYS,
    STARTED,
    CampaignPlan,
    RewardError,
    RewardPlan,
    check_plan,
    describe_plan,
    errors_of,
    is_past,
    open_changes,
    plan_of,
    refusals_of,
    reward_errors,
    reward_refusal,
)
from drops.domain.watch.counters import count_reached
from drops.domain.watch.terms import remember_terms
from drops.models import AllowedChannel, Campaign, CampaignPhase, CampaignReward


class Problem(NamedTuple):
    """Something that keeps a campaign from being published, and what to do about it."""

    code: str
    text: str


@transaction.atomic
def create_campaign(
    *,
    organization: Organization,
    plan: CampaignPlan,
    now: datetime,
    actor: Actor,
    copied_from: Campaign | None = None,
) -> Campaign:
    """A draft. ValidationError, with a message per field, where the plan is not possible."""
    permissions.require(actor=actor, organization=organization, action=Action.CHANGE_CAMPAIGNS)
    campaign = Campaign(organization=organization)
    check_plan(campaign, plan)
    if is_past(plan.publish_at, None, now):
        raise ValidationError({"publish_at": _("This time has passed. Choose a later one.")})
    _write(campaign, plan)
    source = {"copied_from": copied_from.pk} if copied_from else {}
    audit.record("campaign.created", campaign, by=actor, at=now, data=describe_plan(plan) | source)
    return campaign


@transaction.atomic
def change_campaign(*, campaign: Campaign, plan: CampaignPlan, now: datetime, actor: Actor) -> Campaign:
    """Make `campaign` follow `plan`. ValidationError, per field, for what may not change any more."""
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    present = plan_of(campaign)
    if errors := errors_of_change(campaign, vars(plan), now=now):
        raise ValidationError(errors)
    remember_terms(campaign=campaign, now=now)
    promises.begin(campaign, now=now)
    _write(campaign, plan)
    promises.note(campaign, promises.CHANGED, now=now)
    if campaign.phase(now) in STARTED:
        required = {entry.reward.pk: entry.required_minutes for entry in present.rewards}
        count_reached(campaign=campaign, before=required, now=now)
    elif campaign.published_at is not None:
        _refuse_problems(campaign, now)
    before, after = describe_plan(present), describe_plan(plan)
    if data := {key: [before[key], after[key]] for key in after if before[key] != after[key]}:
        audit.record("campaign.changed", campaign, by=actor, at=now, data=data)
    return campaign


def errors_of_change(
    campaign: Campaign, changes: Mapping[str, Any], *, now: datetime
) -> dict[str, list[str]]:
    """What forbids `changes` of the campaign's plan: what cannot be, and what may not change any more."""
    present = plan_of(campaign)
    plan = replace(present, **open_changes(campaign, changes))
    errors = errors_of(campaign, vars(plan))
    for name, message in refusals_of(campaign.phase(now), present, plan).items():
        errors.setdefault(name, []).append(message)
    if is_past(plan.publish_at, present.publish_at, now):
        errors.setdefault("publish_at", []).append(_("This time has passed. Choose a later one."))
    return errors


def reward_errors_of_change(
    campaign: Campaign, rewards: Sequence[RewardPlan], *, now: datetime
) -> list[RewardError]:
    """What forbids `rewards` in the plan of the campaign, which may be a new one, each with what it is about."""
    errors = list(reward_errors(campaign, rewards))
    present = () if campaign._state.adding else plan_of(campaign).rewards
    if refusal := reward_refusal(campaign.phase(now), present, rewards):
        errors.append(refusal)
    return errors


@transaction.atomic
def amend_campaign(
    *, campaign: Campaign, changes: Mapping[str, Any], now: datetime, actor: Actor
) -> Campaign:
    """`change_campaign` in the fields of its plan that are in `changes`.

    Concurrent calls that change different fields are both applied.
    """
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    plan = replace(plan_of(campaign), **open_changes(campaign, changes))
    return change_campaign(campaign=campaign, plan=plan, now=now, actor=actor)


@transaction.atomic
def publish_campaign(*, campaign: Campaign, now: datetime, actor: Actor) -> Campaign:
    """Let the campaign run by its dates. ValidationError with every problem there is; twice is once."""
    permissions.require(actor=actor, organization=campaign.organization, action=Action.CHANGE_CAMPAIGNS)
    campaign = (
        Campaign.objects.select_for_update(no_key=True).select_related("organization").get(pk=campaign.pk)
    )
    if not goes_ahead(why_not_publish(campaign, now)):
        return campaign
    _refuse_problems(campaign, now)
    return let_run(campaign, now=now, by=actor)


def let_run(
    campaign: Campaign, *, now: datetime, by: Actor, data: Mapping[str, Any] | None = None
) -> Campaign:
    """What publishing a locked campaign is, once nothing is against it."""
    event = "campaign.published"
    campaign = change(campaign, event, by=by, at=now, data=data, published_at=now, publish_at=None)
    promises.begin(campaign, now=now)
    return campaign


def why_not_publish(campaign: Campaign, now: datetime) -> str:
    """Of a draft there may be more against it: see `problems_of`."""
    if campaign.withdrawn_at is not None:
        return _("A withdrawn campaign cannot be published again. Create a new campaign.")
    if campaign.archived_at is not None and campaign.published_at is None:
        return _("The campaign is archived. Restore it first.")
    return "" if campaign.published_at is None else ALREADY


@transaction.atomic
def withdraw_campaign(
    *, campaign: Campaign, now: datetime, actor: Actor, reason: str = "", agreed: Proposal | None = None
) -> Campaign:
    """Stop a published campaign: nothing more is earned, what was earned stays claimable until it closes.

    An operator gives a `reason`. SecondOwnerNeeded for one that is live for everybody, where the two-owner rule holds.
    """
    campaign = lock_for(campaign, actor=actor, action=Action.WITHDRAW_CAMPAIGNS)
    if not goes_ahead(why_not_withdraw(campaign, now)):
        return campaign
    wait_for_second_owner(WITHDRAW, campaign, actor=actor, now=now, agreed=agreed)
    data = explained(reason) if reason else None
    promises.begin(campaign, now=now)
    campaign = change(campaign, "campaign.withdrawn", by=actor, at=now, data=data, withdrawn_at=now)
    promises.note(campaign, promises.WITHDRAWN, now=now)
    return campaign


def why_not_withdraw(campaign: Campaign, now: datetime) -> str:
    phase = campaign.phase(now)
    if phase is CampaignPhase.WITHDRAWN:
        return ALREADY
    if phase is CampaignPhase.DRAFT:
        return _("Only a published campaign can be withdrawn.")
    if phase is CampaignPhase.CLOSED:
        return _("The campaign has closed. It can no longer be withdrawn.")
    return ""


@transaction.atomic
def end_campaign(
    *, campaign: Campaign, now: datetime, actor: Actor, agreed: Proposal | None = None
) -> Campaign:
    """End a live campaign now: nothing more is earned, and its grace period begins.

    Claims close no earlier than promised. SecondOwnerNeeded for one that is live for everybody, where the two-owner
    rule holds.
    """
    campaign = lock_for(campaign, actor=actor, action=Action.WITHDRAW_CAMPAIGNS)
    if not goes_ahead(why_not_end(campaign, now)):
        return campaign
    wait_for_second_owner(END, campaign, actor=actor, now=now, agreed=agreed)
    remember_terms(campaign=campaign, now=now)
    before = {name: getattr(campaign, name) for name in ("ends_at", "closes_at")}
    after = {"ends_at": now, "closes_at": closes_if_ended(campaign, now)}
    data = {
        when: {name: moment.isoformat() for name, moment in moments.items()}
        for when, moments in (("before", before), ("after", after))
    }
    promises.begin(campaign, now=now)
    campaign = change(campaign, "campaign.ended", by=actor, at=now, data=data, **after)
    promises.note(campaign, promises.ENDED, now=now)
    return campaign


def why_not_end(campaign: Campaign, now: datetime) -> str:
    phase = campaign.phase(now)
    if phase is CampaignPhase.GRACE:
        return ALREADY
    if phase is not CampaignPhase.LIVE or campaign.starts_at == now:
        return _("Only a live campaign can be ended.")
    if closes_if_ended(campaign, now) - now > timedelta(days=MAX_DAYS):
        return _(
            "Viewers were promised that they can claim for more than %(count)d days from now. Withdraw the "
            "campaign instead."
        ) % {"count": MAX_DAYS}
    return ""


def closes_if_ended(campaign: Campaign, now: datetime) -> datetime:
    """When claims close if the campaign ends now: not before the promised moment, and whole days from now, since
    plans count the grace period in days."""
    days = -((now - campaign.closes_at) // timedelta(days=1))
    return now + timedelta(days=days)


def _is_live_for_everybody(campaign: Campaign, now: datetime) -> bool:
    return campaign.phase(now) is CampaignPhase.LIVE and not campaign.test_mode


WITHDRAW = two_owners.register(
    Act(
        code="campaign.withdraw",
        model=Campaign,
        action=Action.WITHDRAW_CAMPAIGNS,
        covers=_is_live_for_everybody,
        run=lambda campaign, proposal, now: withdraw_campaign(
            campaign=campaign, now=now, actor=proposal.asked_by, agreed=proposal
        ),
    )
)
END = two_owners.register(
    Act(
        code="campaign.end",
        model=Campaign,
        action=Action.WITHDRAW_CAMPAIGNS,
        covers=_is_live_for_everybody,
        run=lambda campaign, proposal, now: end_campaign(
            campaign=campaign, now=now, actor=proposal.asked_by, agreed=proposal
        ),
    )
)


@transaction.atomic
def delete_draft(*, campaign: Campaign, now: datetime, actor: Actor) -> None:
    """Delete a campaign that was never published. ValidationError for any other."""
    campaign = lock_for(campaign, actor=actor, action=Action.CHANGE_CAMPAIGNS)
    goes_ahead(why_not_delete(campaign, now))
    audit.record("campaign.deleted", campaign, by=actor, at=now, data={"name": campaign.name})
    try:
        campaign.delete()
    except ProtectedError:  # a layer above may hold a run that was granted nothing yet
        text = _("The draft was rehearsed, and its rehearsals are kept. Archive it instead.")
        raise ValidationError(text) from None


def why_not_delete(campaign: Campaign, now: datetime) -> str:
    if campaign.published_at is None:
        return ""
    return _("A published campaign cannot be deleted. Withdraw it instead.")


def problems_of(campaign: Campaign, *, now: datetime) -> list[Problem]:
    """Everything that keeps `campaign` from being published at `now`; empty when it can be."""
    organization = campaign.organization
    attached = list(campaign.campaign_rewards.select_related("reward__category"))
    problems = []
    if organization.state is OrganizationState.WAITING:
        problems.append(Problem("not_approved", _("The platform must approve the organization first.")))
    if organization.state is OrganizationState.SUSPENDED:
        problems.append(
            Problem("suspended", _("The organization is suspended. Ask the platform for the reason."))
        )
    if campaign.category is not None and campaign.category.organization_id != organization.pk:
        problems.append(
            Problem(
                "category_not_claimed",
                _("Your organization does not claim “%(category)s”.") % {"category": campaign.category},
            )
        )
    if not organization.connect_url:
        problems.append(
            Problem(
                "no_connect_url",
                _(
                    "Set the connection page in the organization's settings. "
                    "Viewers need it to connect their game accounts."
                ),
            )
        )
    if not organization.oauth_apps.filter(deleted_at__isnull=True).exists():
        problems.append(
            Problem("no_oauth_app", _("Create an OAuth app. Viewers need it to connect their game accounts."))
        )
    if campaign.ends_at <= now:
        problems.append(Problem("ends_in_past", _("The end is in the past. Move it later.")))
    if not attached:
        problems.append(Problem("no_rewards", _("Attach at least one reward.")))
    minutes_left = (campaign.ends_at - max(campaign.starts_at, now)) // timedelta(minutes=1)
    for entry in attached:
        if entry.reward.archived_at is not None:
            problems.append(
                Problem(
                    "reward_archived",
                    _("“%(reward)s” is archived. Restore or detach it.") % {"reward": entry.reward},
                )
            )
        if entry.reward.category.organization_id != organization.pk:
            problems.append(
                Problem(
                    "reward_category_not_claimed",
                    _("Your organization does not claim “%(category)s”, the category of “%(reward)s”.")
                    % {"category": entry.reward.category, "reward": entry.reward},
                )
            )
        if entry.required_minutes > minutes_left > 0:
            problems.append(
                Problem(
                    "reward_out_of_reach",
                    _(
                        "“%(reward)s” requires %(minutes)d minutes, but viewers can watch for at most "
                        "%(left)d minutes before the campaign ends."
                    )
                    % {"reward": entry.reward, "minutes": entry.required_minutes, "left": minutes_left},
                )
            )
    return problems


def _refuse_problems(campaign: Campaign, now: datetime) -> None:
    problems = problems_of(campaign, now=now)
    if problems:
        raise ValidationError([ValidationError(problem.text, code=problem.code) for problem in problems])


def _write(campaign: Campaign, plan: CampaignPlan) -> None:
    for name in COLUMNS:
        setattr(campaign, name, getattr(plan, name))
    campaign.full_clean()
    campaign.save()
    _write_rewards(campaign, plan.rewards)
    wanted = {channel.pk for channel in plan.channels}
    present = set(campaign.allowed_channels.values_list("channel_id", flat=True))
    if gone := present - wanted:
        campaign.allowed_channels.filter(channel_id__in=gone).delete()
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

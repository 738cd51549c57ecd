"""Begins a rehearsal: who may, for whom, of what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _, ngettext

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import OAuthApp, Organization, User
from config.locks import lock
from drops.domain.watch.grants import why_not_grant
from drops.models import Campaign, CampaignPhase, CampaignReward, Reward
from fulfillment.domain.delivery.status import ASKS_FOR_CLAIMS, TAKES_CLAIMS
from fulfillment.domain.rehearsals.running import LASTS, end
from fulfillment.models import OPEN_STATES, Rehearsal, RehearsalState, WebhookEndpoint

PER_MINUTE, PER_DAY = 6, 500


class TooManyRehearsals(ValidationError):
    """Each one is a request to a studio's server, and a row: try again later."""


@transaction.atomic
def start_rehearsal(
    *,
    campaign: Campaign,
    viewer: User,
    actor: User | OAuthApp,
    now: datetime,
    reward: Reward | None = None,
    endpoint: WebhookEndpoint | None = None,
    stand_in: bool = False,
) -> Rehearsal:
    """Begin a rehearsal of `campaign` for the member `viewer`. Then call `running.go_on`.

    `reward`: the one that takes the fewest minutes, unless another is named. `endpoint`: all that take claims,
    unless one is named. `stand_in`: where the member has connected no game account, go on without one. A run that
    still waits for the game account ends for this one.

    ValidationError by field, TooManyRehearsals. Campaign.DoesNotExist where the draft was deleted meanwhile.
    """
    organization = campaign.organization
    permissions.require(actor=actor, organization=organization, action=Action.REHEARSE)
    campaign = lock(campaign)  # who deletes the draft comes before or after
    if refusal := why_not_rehearse(campaign, now):
        raise ValidationError(refusal)
    if not permissions.state_allows(organization, Action.REHEARSE):
        raise ValidationError(permissions.REFUSED_BY_STATE[organization.state])
    if refusal := why_not_grant(campaign, viewer):
        raise ValidationError({"viewer": refusal})
    _check_limits(organization, now)
    _make_room(campaign, viewer, now)
    rehearsal = Rehearsal(
        organization=organization,
        campaign=campaign,
        reward=_reward(campaign, reward),
        viewer=viewer,
        endpoint=_endpoint(organization, endpoint),
        stand_in=stand_in,
        started_by=actor if isinstance(actor, User) else None,
        started_by_app=actor if isinstance(actor, OAuthApp) else None,
        started_at=now,
        until=now + LASTS,
    )
    try:
        with transaction.atomic():
            rehearsal.save(force_insert=True)
    except IntegrityError:
        raise ValidationError(_under_way()) from None
    audit.record(
        "campaign.rehearsed",
        campaign,
        by=actor,
        at=now,
        data={"user_id": viewer.pk, "rewards": [rehearsal.reward.name]},
    )
    return rehearsal


def why_not_rehearse(campaign: Campaign, now: datetime) -> str:
    """What the campaign has against it. No query."""
    if not campaign.test_mode:
        return _("Only a campaign in test mode can be rehearsed.")
    if campaign.archived_at is not None:
        return _("The campaign is archived. Restore it first.")
    if campaign.phase(now) in (CampaignPhase.WITHDRAWN, CampaignPhase.CLOSED):
        return _("The campaign is over.")
    return ""


def rewards_to_rehearse(campaign: Campaign) -> Sequence[CampaignReward]:
    """The one that takes the fewest minutes first."""
    return list(campaign.campaign_rewards.select_related("reward").order_by("required_minutes", "position"))


def endpoints_to_rehearse(organization: Organization) -> Sequence[WebhookEndpoint]:
    """Those that take claims, the oldest first."""
    return list(organization.webhook_endpoints.filter(TAKES_CLAIMS & ASKS_FOR_CLAIMS).order_by("pk"))


def _reward(campaign: Campaign, wanted: Reward | None) -> Reward:
    attached = [entry.reward for entry in rewards_to_rehearse(campaign)]
    if not attached:
        raise ValidationError({"reward": _("Attach a reward to the campaign first.")})
    if wanted is None:
        return attached[0]
    if wanted not in attached:
        raise ValidationError({"reward": _("This reward is not part of this campaign.")})
    return wanted


def _endpoint(organization: Organization, wanted: WebhookEndpoint | None) -> WebhookEndpoint | None:
    if wanted is not None and wanted not in endpoints_to_rehearse(organization):
        raise ValidationError(
            {"endpoint": _("Choose an endpoint that is verified and not held: no other takes claims.")}
        )
    return wanted


def _check_limits(organization: Organization, now: datetime) -> None:
    day = Rehearsal.objects.filter(organization=organization, started_at__gt=now - timedelta(days=1))
    counts = day.aggregate(day=Count("pk"), minute=Count("pk", filter=Q(started_at__gt=now - LASTS)))
    if counts["minute"] >= PER_MINUTE:
        raise TooManyRehearsals(
            ngettext(
                "At most %(count)d rehearsal can be started in a minute. Try again in a minute.",
                "At most %(count)d rehearsals can be started in a minute. Try again in a minute.",
                PER_MINUTE,
            )
            % {"count": PER_MINUTE}
        )
    if counts["day"] >= PER_DAY:
        raise TooManyRehearsals(
            _("At most %(count)d rehearsals can be started in a day. Try again tomorrow.")
            % {"count": PER_DAY}
        )


def _make_room(campaign: Campaign, viewer: User, now: datetime) -> None:
    """End a run that nobody goes on with, or that waits for what this one may do without."""
    open_run = (
        Rehearsal.objects.select_for_update(no_key=True, of=("self",))
        .filter(campaign=campaign, viewer=viewer, state__in=OPEN_STATES)
        .first()
    )
    if open_run is None:
        return
    if open_run.state != RehearsalState.WAITING and not open_run.is_overdue(now):
        raise ValidationError(_under_way())
    end(open_run, now=now, code="broken_off" if open_run.is_overdue(now) else "replaced")


def _under_way() -> str:
    return _("A rehearsal of this campaign is under way. Wait until it has ended, a minute at most.")

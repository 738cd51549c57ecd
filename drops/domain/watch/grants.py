"""Granted minutes: what a member is given instead of watching, to rehearse a campaign in test mode.

They are rows of a ledger of their own. No counter, no hourly figure and no count of networks is touched, so they
are in no number, and they reach no reward but that of the rehearsal that they were granted for.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit
from accounts.domain.permissions import Action, organizations_of
from accounts.models import OAuthApp, Organization, User
from drops.models import Campaign, Grant, GrantReason


@transaction.atomic
def grant_minutes(
    *,
    campaign: Campaign,
    viewer: User,
    minutes: int,
    reason: GrantReason,
    actor: User | OAuthApp,
    now: datetime,
) -> Grant:
    """Give `viewer` minutes in a campaign in test mode. ValidationError where that is not possible.

    Whether `actor` may do so is asked by the verb that needs the minutes.
    """
    if refusal := why_not_grant(campaign, viewer):
        raise ValidationError(refusal)
    grant = Grant(
        campaign=campaign,
        viewer=viewer,
        minutes=minutes,
        reason=reason,
        granted_by=actor if isinstance(actor, User) else None,
        granted_by_app=actor if isinstance(actor, OAuthApp) else None,
        at=now,
    )
    grant.full_clean(validate_unique=False)
    grant.save()
    audit.record(
        "minutes.granted",
        campaign,
        by=actor,
        at=now,
        data={"user_id": viewer.pk, "minutes": minutes, "reason": reason.value},
    )
    return grant


def why_not_grant(campaign: Campaign, viewer: User) -> str:
    """Minutes are granted in test mode, and to members who take part in it. One query."""
    if not campaign.test_mode:
        return _("Minutes are granted in test mode only.")
    if not organizations_of(viewer, who_may=Action.TEST).filter(pk=campaign.organization_id).exists():
        return _("Minutes are granted only to members of the organization who take part in test mode.")
    return ""


def grants_of(*, organization: Organization, viewer: User) -> QuerySet[Grant]:
    """What `viewer` was granted in campaigns of `organization`, the newest first."""
    own = Grant.objects.filter(viewer=viewer, campaign__organization=organization)
    return own.select_related("campaign", "granted_by", "granted_by_app").order_by("-at", "-pk")

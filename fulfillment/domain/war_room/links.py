"""Links by which people without an account look at the war room of a campaign.

A link is open until it expires, is revoked, or whoever made it may no longer share: a person who leaves the
organization leaves no door open. Its token is shown once, and stored as a hash alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.permissions import Action
from accounts.models import Organization, User
from config.locks import lock
from drops.models import Campaign
from fulfillment.models import WarRoomLink

HOUR = timedelta(hours=1)
SHORTEST, LONGEST = HOUR, 7 * 24 * HOUR
MOST_OPEN = 10
SHOWN = 50
TOKEN_BYTES = 32
# What a token may look like, whatever is typed.
TOKEN_LENGTH = 43


@transaction.atomic
def share(*, campaign: Campaign, lasts: timedelta, actor: User, now: datetime) -> tuple[WarRoomLink, str]:
    """Make a link, and return it with its token, which nobody can read again. ValidationError."""
    permissions.require(actor=actor, organization=campaign.organization, action=Action.SHARE_FIGURES)
    locked = lock(campaign)  # two at once would both be the last one allowed
    if refusal := why_not_share(locked):
        raise ValidationError(refusal)
    if not SHORTEST <= lasts <= LONGEST:
        raise ValidationError(_("A link lasts from one hour to seven days."))
    if open_links(locked, now=now).count() >= MOST_OPEN:
        raise ValidationError(
            _("A campaign has at most %(count)d open links. Revoke one first.") % {"count": MOST_OPEN}
        )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = WarRoomLink.objects.create(
        campaign=locked, token_hash=_hash(token), made_by=actor, made_at=now, expires_at=now + lasts
    )
    data = {"link": link.pk, "expires_at": link.expires_at.isoformat()}
    audit.record("campaign.war_room_shared", locked, by=actor, at=now, data=data)
    return link, token


def why_not_share(campaign: Campaign) -> str:
    return "" if campaign.published_at is not None else _("A draft has nothing to look at yet.")


@transaction.atomic
def revoke(*, link: WarRoomLink, actor: User, now: datetime) -> None:
    """Nobody looks by this link any more. One that is over already stays as it is."""
    campaign = link.campaign
    permissions.require(actor=actor, organization=campaign.organization, action=Action.SHARE_FIGURES)
    link = lock(link)
    if link.is_open(now):
        link.revoked_at = now
        link.save(update_fields=["revoked_at"])
        audit.record("campaign.war_room_unshared", campaign, by=actor, at=now, data={"link": link.pk})


def open_links(campaign: Campaign, *, now: datetime) -> QuerySet[WarRoomLink]:
    return WarRoomLink.objects.filter(campaign=campaign, revoked_at=None, expires_at__gt=now)


def links_of(campaign: Campaign) -> Sequence[WarRoomLink]:
    """The last ones, with who made them. One query."""
    return list(
        WarRoomLink.objects.filter(campaign=campaign).select_related("made_by").order_by("-pk")[:SHOWN]
    )


def campaign_by(token: str, *, now: datetime) -> Campaign | None:
    """What the link shows; None where nothing is, or no longer. Two queries at most."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    link = (
        WarRoomLink.objects.filter(token_hash=_hash(token))
        .select_related("campaign__organization", "campaign__category")
        .first()
    )
    if link is None or not link.is_open(now):
        return None
    organization: Organization = link.campaign.organization
    if not permissions.state_allows(organization, Action.SHARE_FIGURES):
        return None
    sharers = permissions.people_of(organization, who_may=Action.SHARE_FIGURES)
    return link.campaign if sharers.filter(pk=link.made_by_id).exists() else None


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()

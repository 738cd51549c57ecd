"""An operator looks at an organization's dashboard as one of its members would: for half an hour, changing nothing.

What the dashboard shows then, and refuses, is in `accounts/dashboard/kit/access.py`. The organization reads in its
audit log when it began and ended, and why.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained
from accounts.models import MemberRole, OperatorView, Organization, User
from config.locks import lock

LASTS = timedelta(minutes=30)


@transaction.atomic
def begin(*, organization: Organization, role: str, reason: str, now: datetime, actor: User) -> OperatorView:
    """ValidationError without a reason, which the members read. Ends what the operator looked at before."""
    permissions.require_operator(actor, Action.OPERATE)
    data = explained(reason)
    for before in OperatorView.objects.filter(operator=actor, ended_at=None):
        end(view=before, now=now)
    view = OperatorView.objects.create(
        organization=organization, operator=actor, role=MemberRole(role), began_at=now, ends_at=now + LASTS
    )
    data |= {"role": view.role, "until": view.ends_at.isoformat()}
    audit.record("organization.view_began", organization, by=actor, at=now, data=data)
    return view


def of_viewing(organization: Organization, now: datetime) -> list[Consequence]:
    return [
        Consequence(_("For 30 minutes its dashboard is open to you. You can change nothing in it.")),
        Consequence(_("Mail addresses are hidden, and so are the parts of URLs that may hold a secret.")),
        Consequence(_("Its members read in their audit log that you looked, when, and why.")),
    ]


def current(*, key: str, operator: User, now: datetime) -> OperatorView | None:
    """What the operator looks at under `key`. None once it has ended, or the person is no operator any more."""
    if Action.OPERATE not in permissions.operator_rights(operator):
        return None
    rows = OperatorView.objects.filter(
        pk=key, operator=operator, ended_at=None, ends_at__gt=now, began_at__lte=now
    )
    return rows.select_related("organization").first()


@transaction.atomic
def end(*, view: OperatorView, now: datetime) -> None:
    """A second time changes nothing."""
    view = lock(view)
    if view.ended_at is not None:
        return
    view.ended_at = min(now, view.ends_at)
    view.save(update_fields=["ended_at"])
    audit.record(
        "organization.view_ended",
        view.organization,
        by=view.operator,
        at=view.ended_at,
        data={"role": view.role},
    )


def note_ended(*, now: datetime) -> int:
    """Write down the end of those whose time is over. Returns how many it were."""
    over = list(OperatorView.objects.filter(ended_at=None, ends_at__lte=now))
    for view in over:
        end(view=view, now=now)
    return len(over)

"""What operators decide about people: who may sign in, who is an operator."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import permissions
from accounts.domain.consequences import Consequence
from accounts.domain.permissions import Action
from accounts.domain.verbs import ALREADY, change, explained
from accounts.models import User
from config.locks import lock


@transaction.atomic
def change_standing(
    *,
    user: User,
    reason: str,
    now: datetime,
    actor: User,
    is_active: bool | None = None,
    is_staff: bool | None = None,
) -> User:
    """Let `user` sign in or not, and make them an operator or not; what is left out stays as it is.

    PermissionDenied where somebody who is no superuser appoints or dismisses operators; ValidationError for
    oneself, and without a reason.
    """
    user = lock(user)
    if user.pk == actor.pk:
        raise ValidationError(_("You cannot change your own rights. Ask another operator to do it."))
    before = {"is_active": user.is_active, "is_staff": user.is_staff}
    wanted = {"is_active": is_active, "is_staff": is_staff}
    after = {name: before[name] if value is None else value for name, value in wanted.items()}
    permissions.require_operator(
        actor,
        Action.OPERATE if after["is_staff"] == before["is_staff"] else Action.APPOINT_OPERATORS,
    )
    data = {"before": before, "after": after, **explained(reason)}
    return change(user, "user.standing_changed", by=actor, at=now, data=data, **after)


def why_not_lock(user: User, now: datetime) -> str:
    return "" if user.is_active else ALREADY


def why_not_unlock(user: User, now: datetime) -> str:
    """Somebody who deleted the account does not come back."""
    if user.deleted_at is not None:
        return _("The person deleted the account.")
    return ALREADY if user.is_active else ""


def why_not_appoint(user: User, now: datetime) -> str:
    return ALREADY if user.is_staff else why_not_sign_in(user)


def why_not_dismiss(user: User, now: datetime) -> str:
    return "" if user.is_staff else ALREADY


def why_not_sign_in(user: User) -> str:
    return "" if user.is_active else _("The person is locked out. Let them in first.")


def of_locking(user: User, now: datetime) -> list[Consequence]:
    """What stops for the person, and for organizations that then have no owner."""
    return [
        Consequence(_("The person is signed out everywhere, and cannot sign in.")),
        Consequence(_("Watch time no longer counts for them. What they have earned stays.")),
        *(
            Consequence(_("%(organization)s then has no owner who can sign in.") % {"organization": each})
            for each in permissions.only_one_left(user, who_may=Action.CHANGE_MEMBERS)
        ),
    ]


def of_dismissing(user: User, now: datetime) -> list[Consequence]:
    return [Consequence(_("The person can no longer open /admin/. Their account stays."))]

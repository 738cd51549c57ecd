"""What operators decide about people: who may sign in, who is an operator."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.domain.verbs import change
from accounts.models import User
from config.locks import lock


@transaction.atomic
def change_standing(*, user: User, is_active: bool, is_staff: bool, now: datetime, actor: User) -> User:
    """Let `user` sign in or not, and make them an operator or not.

    PermissionDenied where somebody who is no superuser appoints operators; ValidationError for oneself.
    """
    user = lock(user)
    if user.pk == actor.pk:
        raise ValidationError(_("You cannot change your own rights. Ask another operator to do it."))
    permissions.require_operator(
        actor, Action.OPERATE if is_staff == user.is_staff else Action.APPOINT_OPERATORS
    )
    before = {"is_active": user.is_active, "is_staff": user.is_staff}
    after = {"is_active": is_active, "is_staff": is_staff}
    data = {"before": before, "after": after}
    return change(user, "user.standing_changed", by=actor, at=now, data=data, **after)

"""The second factor of a person who lost it is taken away by two operators: one asks, another agrees.

Whoever holds the account's password alone then comes in, so that one operator who is talked into it, or whose account
was taken, must not be enough. The person is told by mail when it is asked for and when it is done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _, gettext_lazy

from accounts.domain import audit, permissions
from accounts.domain.consequences import Consequence
from accounts.domain.notices import kinds, writing
from accounts.domain.permissions import Action
from accounts.domain.verbs import explained, goes_ahead
from accounts.models import FactorReset, ResetState, User
from config.locks import lock

VALID_FOR = timedelta(days=1)

TO_THE_PERSON = kinds.register(
    kinds.Kind(
        code="factor_reset",
        label=gettext_lazy("Reset of the second factor"),
        words=gettext_lazy("Operators are asked to take your second factor away, or have done it."),
        always=gettext_lazy("It concerns the security of your account, and so cannot be switched off."),
        model=FactorReset,
        related=("user",),
        template="accounts/mail/factor_reset",
        values=lambda reset, data: {"reset": reset, "done": data["done"]},
    )
)
TO_OPERATORS = kinds.register(
    kinds.Kind(
        code="factor_reset_to_decide",
        label=gettext_lazy("Resets of second factors"),
        words=gettext_lazy(
            "An operator asks to take somebody's second factor away. Another one has to agree."
        ),
        for_operators=True,
        model=FactorReset,
        related=("user", "asked_by"),
        template="accounts/mail/factor_reset_to_decide",
        values=lambda reset, _data: {"reset": reset},
        is_current=lambda reset, _data, now: reset.state == ResetState.OPEN and reset.expires_at > now,
    )
)


def waiting(now: datetime) -> QuerySet[FactorReset]:
    return FactorReset.objects.filter(state=ResetState.OPEN, expires_at__gt=now).select_related("user")


@transaction.atomic
def ask(*, user: User, reason: str, now: datetime, actor: User) -> FactorReset:
    """Let it wait for another operator, for a day. ValidationError without a reason, for oneself, and where it waits
    already or there is no factor."""
    permissions.require_operator(actor, Action.OPERATE)
    user = lock(user)
    _refuse_oneself(user, actor)
    goes_ahead(why_not_ask(user, now))
    data = explained(reason)
    reset = FactorReset.objects.create(
        user=user, reason=data["explanation"], asked_by=actor, asked_at=now, expires_at=now + VALID_FOR
    )
    audit.record("user.factor_reset_asked", user, by=actor, at=now, data=data)
    writing.write(TO_OPERATORS, about=reset, once="asked", now=now)
    _tell(reset, done=False, now=now)
    return reset


def why_not_ask(user: User, now: datetime) -> str:
    if _open(user, now) is not None:
        return _("This was asked for already. Another operator has to agree.")
    if not Authenticator.objects.filter(user=user).exists():
        return _("The person has no second factor.")
    return ""


def of_asking(user: User, now: datetime) -> list[Consequence]:
    return [
        Consequence(_("Nothing happens yet. Another operator has to agree within 24 hours.")),
        Consequence(_("The person gets a mail at once, and another one when it is done.")),
    ]


@transaction.atomic
def agree(*, user: User, reason: str, now: datetime, actor: User) -> None:
    """Take the person's factors and recovery codes away, and end all sessions.

    ValidationError without a reason, where nothing waits, and for whoever asked or is the person.
    """
    reset = _locked(user, now, actor)
    if reset.asked_by_id == actor.pk:
        raise ValidationError(_("You asked for this yourself. Another operator has to agree."))
    if Action.OPERATE not in permissions.operator_rights(reset.asked_by):
        raise ValidationError(
            _("%(person)s, who asked for this, is no operator any more.") % {"person": reset.asked_by}
        )
    data = {**explained(reason), "asked_by": reset.asked_by.username}
    _answer(reset, ResetState.AGREED, now, actor)
    Authenticator.objects.filter(user=user).delete()
    for session in UserSession.objects.filter(user=user):
        session.end()
    audit.record("user.factor_reset", user, by=actor, at=now, data=data)
    _tell(reset, done=True, now=now)


@transaction.atomic
def refuse(*, user: User, reason: str, now: datetime, actor: User) -> None:
    """Nothing is changed: another operator says no, or whoever asked takes it back. ValidationError as for `agree`."""
    reset = _locked(user, now, actor)
    data = explained(reason)
    _answer(reset, ResetState.REFUSED, now, actor)
    audit.record("user.factor_reset_refused", user, by=actor, at=now, data=data)


def why_not_answer(user: User, now: datetime) -> str:
    return "" if _open(user, now) is not None else _("Nobody has asked for this, or a day has passed since.")


def of_agreeing(user: User, now: datetime) -> list[Consequence]:
    found = _open(user, now)
    asked = _("%(person)s asked for it: %(reason)s")
    return [
        *([Consequence(asked % {"person": found.asked_by, "reason": found.reason})] if found else ()),
        Consequence(_("The person is signed out everywhere, and signs in with the password alone.")),
        Consequence(_("The dashboard and /admin/ stay closed until the person has a second factor again.")),
    ]


def _open(user: User, now: datetime) -> FactorReset | None:
    return waiting(now).filter(user=user).select_related("asked_by").order_by("-pk").first()


def _locked(user: User, now: datetime, actor: User) -> FactorReset:
    """What waits for an answer, nobody else's to give until the transaction ends."""
    permissions.require_operator(actor, Action.OPERATE)
    _refuse_oneself(lock(user), actor)
    reset = _open(user, now)
    if reset is None:
        raise ValidationError(why_not_answer(user, now))
    return reset


def _tell(reset: FactorReset, *, done: bool, now: datetime) -> None:
    writing.write(
        TO_THE_PERSON,
        about=reset,
        once="done" if done else "asked",
        now=now,
        addresses=[reset.user.email],
        data={"done": done},
    )


def _refuse_oneself(user: User, actor: User) -> None:
    if user.pk == actor.pk:
        raise ValidationError(_("You cannot change your own second factor here. Use your settings."))


def _answer(reset: FactorReset, state: ResetState, now: datetime, actor: User) -> None:
    reset.state, reset.answered_at, reset.answered_by = state, now, actor
    reset.save(update_fields=["state", "answered_at", "answered_by"])

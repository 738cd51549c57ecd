"""Users that the streaming platform knows: made and renamed at its word, and signed in through it.

A platform's user is linked by a social account of the provider "platform": whoever later signs in
there by OpenID Connect with the same subject is the same user here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from accounts.domain import audit
from accounts.models import OAuthApp, User
from config.locks import lock

PROVIDER = "platform"


class PlatformUser(NamedTuple):
    """`platform_id` is the subject of the platform's OpenID Connect."""

    platform_id: str
    username: str
    email: str


def upsert_users(*, users: Sequence[PlatformUser], now: datetime, actor: OAuthApp) -> dict[str, int]:
    """Make the users that are new, rename those that changed; their ids by platform id.

    Names may change hands in one call. ValidationError, with the platform id in its message, and nothing
    is changed.
    """
    try:
        return _upsert(users, now, actor)
    except IntegrityError:
        # Somebody took one of the names or addresses after it was checked. Now the check sees it.
        return _upsert(users, now, actor)


@transaction.atomic
def _upsert(users: Sequence[PlatformUser], now: datetime, actor: OAuthApp) -> dict[str, int]:
    # Two calls of one app at once: the second waits here, and finds what the first made.
    lock(actor)
    accounts = {
        account.uid: account.user
        for account in SocialAccount.objects.select_for_update(of=("user",), no_key=True)
        .filter(
            provider=PROVIDER, uid__in=[user.platform_id for user in users], user__deleted_at__isnull=True
        )
        .select_related("user")
        .order_by("user")
    }
    _free_names(
        [
            user.pk
            for wanted in users
            if (user := accounts.get(wanted.platform_id)) and not _is_as_wanted(user, wanted)
        ]
    )
    ids = {}
    for wanted in users:
        user = accounts.get(wanted.platform_id)
        if user is None:
            user = User()
            user.set_unusable_password()
        elif _is_as_wanted(user, wanted):
            ids[wanted.platform_id] = user.pk
            continue
        is_new = user.pk is None
        user.username, user.email = wanted.username, wanted.email
        try:
            user.full_clean()
        except ValidationError as error:
            raise ValidationError(f"{wanted.platform_id}: {' '.join(error.messages)}") from None
        user.save(update_fields=None if is_new else ["username", "email"])
        if is_new:
            accounts[wanted.platform_id] = user
            SocialAccount.objects.create(user=user, provider=PROVIDER, uid=wanted.platform_id)
        audit.record("user.created" if is_new else "user.renamed", user, by=actor, at=now)
        ids[wanted.platform_id] = user.pk
    return ids


def _is_as_wanted(user: User, wanted: PlatformUser) -> bool:
    return (user.username, user.email) == (wanted.username, User.objects.normalize_email(wanted.email))


def _free_names(user_ids: Sequence[int]) -> None:
    """Let go of names and addresses that are about to change, so that they can change hands.

    Until the new ones are saved, in the same transaction, each has a name that no person can have.
    """
    User.objects.filter(pk__in=user_ids).update(
        username=Concat(Value("~"), Cast("pk", CharField())), email=""
    )

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
from django.db import transaction

from accounts.domain import audit
from accounts.models import OAuthApp, User

PROVIDER = "platform"


class PlatformUser(NamedTuple):
    """`platform_id` is the subject of the platform's OpenID Connect."""

    platform_id: str
    username: str
    email: str


@transaction.atomic
def upsert_users(*, users: Sequence[PlatformUser], now: datetime, actor: OAuthApp) -> dict[str, int]:
    """Make the users that are new, rename those that changed; their ids by platform id.

    ValidationError, with the platform id in its message, and nothing is changed.
    """
    accounts = {
        account.uid: account.user
        for account in SocialAccount.objects.filter(
            provider=PROVIDER, uid__in=[user.platform_id for user in users]
        ).select_related("user")
    }
    ids = {}
    for wanted in users:
        user = accounts.get(wanted.platform_id)
        if user is None:
            user = User()
            user.set_unusable_password()
        elif (user.username, user.email) == (wanted.username, wanted.email):
            ids[wanted.platform_id] = user.pk
            continue
        is_new = user.pk is None
        user.username, user.email = wanted.username, wanted.email
        try:
            user.full_clean()
        except ValidationError as error:
            raise ValidationError(f"{wanted.platform_id}: {' '.join(error.messages)}") from None
        user.save()
        if is_new:
            accounts[wanted.platform_id] = user
            SocialAccount.objects.create(user=user, provider=PROVIDER, uid=wanted.platform_id)
        audit.record(
            action="user.created" if is_new else "user.renamed",
            target=user,
            now=now,
            actor=actor,
            organization=None,
        )
        ids[wanted.platform_id] = user.pk
    return ids

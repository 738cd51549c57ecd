"""What follows the deletion of an OAuth app: its tokens, consents and links end, a part at a time.

The app itself stops working in the transaction that deletes it. Its viewers may be a million, which no request waits
for. So an `AppRemoval` says that they are still to be unlinked, and a task goes on with it wherever the last one
stopped. Meanwhile no link counts that has no consent to another app behind it (`links.LINK_STANDS`).
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, QuerySet
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from accounts.domain import audit, links
from accounts.domain.audit import Actor
from accounts.models import AppRemoval, Consent, GameLink, OAuthApp, Organization, User
from config.rows import delete_in_parts

# So many viewers are unlinked in one transaction.
AT_ONCE = 2_000


def begin(*, app: OAuthApp, now: datetime, actor: Actor) -> None:
    """Called in the transaction that deletes the app. Without Redis, so without workers, it is done after it."""
    person = actor if isinstance(actor, User) else None
    AppRemoval.objects.create(app=app, organization=app.organization, asked_by=person, began_at=now)
    if not settings.REDIS_URL:
        transaction.on_commit(lambda: go_on(now=now), robust=True)


def under_way(organization: Organization) -> QuerySet[AppRemoval]:
    """The removals of its apps that have not ended, in their order."""
    rows = AppRemoval.objects.filter(organization=organization, finished_at=None)
    return rows.select_related("app").order_by("began_at", "pk")


def go_on(*, now: datetime) -> int:
    """Unlink the viewers of all apps that were deleted. Returns how many were unlinked here.

    Any number of workers may do it at once: they share the apps out. Whoever is killed has lost the part that was
    under way, and the next call begins with it.
    """
    unlinked = 0
    for app_id in AppRemoval.objects.filter(finished_at=None).order_by("began_at", "pk").values_list("pk"):
        while (part := _unlink_some(app_id[0], now)) is not None:
            unlinked += part
    return unlinked


def _unlink_some(app_id: int, now: datetime) -> int | None:
    """End the consents of some viewers. None where nothing is left to do, or another worker is at it."""
    with transaction.atomic():
        rows = AppRemoval.objects.select_for_update(of=("self",), skip_locked=True)
        removal = rows.filter(pk=app_id, finished_at=None).first()
        if removal is None:
            return None
        consents = Consent.objects.filter(app=app_id, ended_at=None)
        if removal.viewers is None:
            removal.viewers = consents.count()
            removal.save(update_fields=["viewers"])
            return 0
        some = dict(consents.order_by("pk").values_list("pk", "viewer_id")[:AT_ONCE])
        if not some:
            return _finish(removal, now)
        Consent.objects.filter(pk__in=some).update(ended_at=now)
        ended = _end_links(removal, now, viewer__in=set(some.values()))
        removal.done += len(some)
        removal.unlinked += ended
        removal.save(update_fields=["done", "unlinked"])
        return ended


def _finish(removal: AppRemoval, now: datetime) -> int | None:
    """The last part: links that no consent was ever kept of, and the tokens, which are long dead."""
    standing = GameLink.objects.filter(organization=removal.organization_id, unlinked_at=None)
    without = standing.exclude(Exists(links.CONSENT_BEHIND_LINK)).values_list("pk", flat=True)[:AT_ONCE]
    if some := list(without):
        ended = _end_links(removal, now, pk__in=some)
        removal.unlinked += ended
        removal.save(update_fields=["unlinked"])
        return ended
    of_app = {"application": removal.app_id}
    for tokens in (Grant.objects.filter(**of_app), AccessToken.objects.filter(**of_app)):
        delete_in_parts(tokens.order_by("pk"))
    RefreshToken.objects.filter(**of_app, revoked__isnull=True).update(revoked=now, access_token=None)
    removal.finished_at = now
    removal.save(update_fields=["finished_at"])
    audit.record(
        "app.viewers_unlinked",
        removal.app,
        by=removal.asked_by,
        at=now,
        data={"name": removal.app.name, "unlinked_viewers": removal.unlinked},
    )
    return None


def _end_links(removal: AppRemoval, now: datetime, **which: object) -> int:
    standing = GameLink.objects.filter(organization=removal.organization_id, unlinked_at=None, **which)
    return standing.exclude(Exists(links.CONSENT_BEHIND_LINK)).update(unlinked_at=now)

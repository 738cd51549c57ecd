"""Links between viewers' accounts and game accounts.

**Linked** means: the viewer agreed, on our consent page, to an app of the organization, and nobody took
that back. Tokens come and go under it: one that expires, is refreshed or is revoked as reused changes
nothing. What ends a link:

* the viewer unlinks in Settings > Connections (`unlink`): every token of every app of the organization dies;
* the studio revokes, by API, the last token that it can still use or refresh for this viewer (`revoke_token`);
* the studio deletes the app, and the viewer has agreed to no other of its apps. Rows of such links end later, a part
  at a time (`app_removals`), and count for nothing meanwhile: `standing` leaves them out;
* the viewer deletes the account (`unlink_everything`).

A suspended organization keeps its links; its apps are refused as long as that lasts. Links and consents
that ended are kept, with their times.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.dispatch import Signal
from oauth2_provider.models import AccessToken, revoke_access_token

from accounts.domain import audit, tokens
from accounts.models import AppRemoval, ConnectVisit, Consent, GameLink, OAuthApp, Organization, User

# Sent inside the transaction that names a game account, with `link`: the layers above, which this one does
# not know, write it to what they hold for the viewer.
game_account_named = Signal()
# Sent inside the transaction in which a viewer links, or sees an organization's consent page for the first time, with
# `viewer_id`, `organization_id`, `linked` and `now`: the layers above count who comes how far.
connecting = Signal()


class NotLinked(Exception):
    """The viewer has no live link with the organization."""


class GameAccountTaken(Exception):
    """The game account is linked to somebody else."""


class AppIsDeleted(Exception):
    """Nobody agrees to the app any more."""


CONSENT_BEHIND_LINK = Consent.objects.filter(
    viewer=OuterRef("viewer"),
    app__organization=OuterRef("organization"),
    app__deleted_at__isnull=True,
    ended_at__isnull=True,
)
_REMOVAL = AppRemoval.objects.filter(organization=OuterRef("organization"), finished_at__isnull=True)
# What `standing` asks of a row that has not ended, for statements that are written out.
LINK_STANDS = """(
    NOT EXISTS (SELECT 1 FROM accounts_appremoval removal
        WHERE removal.organization_id = link.organization_id AND removal.finished_at IS NULL)
    OR EXISTS (SELECT 1 FROM accounts_consent agreed JOIN accounts_oauthapp app ON app.id = agreed.app_id
        WHERE agreed.viewer_id = link.viewer_id AND agreed.ended_at IS NULL
            AND app.organization_id = link.organization_id AND app.deleted_at IS NULL))"""


def standing() -> QuerySet[GameLink]:
    """The links that have not ended, without those of deleted apps whose rows are still to be ended."""
    rows = GameLink.objects.filter(unlinked_at__isnull=True)
    return rows.filter(~Exists(_REMOVAL) | Exists(CONSENT_BEHIND_LINK))


def history(*, viewer: User, organization: Organization, most: int) -> list[GameLink]:
    """The viewer's last links with `organization`, newest first. A row that is still to be ended says so already."""
    rows = GameLink.objects.filter(viewer=viewer, organization=organization).select_related("app")
    rows = rows.annotate(stands=Q(unlinked_at=None) & (~Exists(_REMOVAL) | Exists(CONSENT_BEHIND_LINK)))
    found: list[Any] = list(rows.order_by("-linked_at")[:most])
    for row in found:
        if row.unlinked_at is None and not row.stands:
            row.unlinked_at = row.app.deleted_at
    return found


def is_linked(*, viewer: User, organization: Organization) -> bool:
    return standing().filter(viewer=viewer, organization=organization).exists()


def linked_organization_ids(viewer: User) -> set[str]:
    """The organizations that `viewer` is linked with."""
    return set(standing().filter(viewer=viewer).values_list("organization_id", flat=True))


def game_accounts_of(viewer: User) -> dict[str, str]:
    """By organization that `viewer` is linked with: the game account, "" where the studio has not named it."""
    return dict(standing().filter(viewer=viewer).values_list("organization_id", "game_account_id"))


def live_link(*, viewer_id: int, organization_id: str | None) -> GameLink:
    """The link of one viewer with one organization (None, for the platform's own apps: no link). Raises NotLinked."""
    link = standing().filter(viewer=viewer_id, organization=organization_id).first()
    if link is None:
        raise NotLinked
    return link


def connect_address(*, connect_url: str, return_to: str) -> str:
    """Where to send a viewer to connect at an organization's `connect_url`, and be sent back to `return_to`; "" where
    there is no such page."""
    if not connect_url:
        return ""
    parts = urlsplit(connect_url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("return_to", return_to)])
    return parts._replace(query=query).geturl()


def has_consented(*, viewer: User, app: OAuthApp, scopes: Iterable[str]) -> bool:
    """True if the app need not ask: `viewer` agreed to all of `scopes` before, and did not take it back."""
    consent = Consent.objects.filter(viewer=viewer, app=app, ended_at__isnull=True).first()
    return consent is not None and set(scopes) <= set(consent.scope.split())


@transaction.atomic
def note_consent_page(*, viewer: User, app: OAuthApp, now: datetime) -> None:
    """`viewer` sees the consent page of `app`. Of an organization's apps the first time is kept."""
    if app.organization_id is None:
        return
    _, is_new = ConnectVisit.objects.get_or_create(
        viewer=viewer, organization_id=app.organization_id, defaults={"at": now}
    )
    if is_new:
        connecting.send(
            sender=ConnectVisit,
            viewer_id=viewer.pk,
            organization_id=app.organization_id,
            linked=False,
            now=now,
        )


@transaction.atomic
def consent(*, viewer: User, app: OAuthApp, scopes: Iterable[str], now: datetime) -> Consent:
    """Remember that `viewer` agrees to `scopes` for `app`, on top of what was agreed before.

    An organization's app links by it. AppIsDeleted where the app was deleted meanwhile.
    """
    if app.organization is not None:
        _end_left_over(now, organization=app.organization, viewer=viewer)
    given, _ = Consent.objects.get_or_create(
        viewer=viewer, app=app, ended_at=None, defaults={"given_at": now}
    )
    agreed = " ".join(dict.fromkeys([*given.scope.split(), *scopes]))
    if agreed != given.scope:
        given.scope = agreed
        given.full_clean()
        given.save(update_fields=["scope"])
        audit.record(
            "consent.given",
            given,
            by=viewer,
            at=now,
            organization=app.organization,
            data={"app": app.client_id, "scope": agreed},
        )
    if app.organization is not None:
        _link(viewer=viewer, app=app, organization=app.organization, now=now)
    # A new row waits for a deletion of the app that is under way, and a deletion waits for it.
    if not OAuthApp.objects.filter(pk=app.pk, deleted_at=None).exists():
        raise AppIsDeleted
    return given


def link(*, viewer: User, app: OAuthApp, now: datetime) -> GameLink:
    """Consent to an organization's app with what every app is shown. A second time changes nothing."""
    consent(viewer=viewer, app=app, scopes=["user:read"], now=now)
    return live_link(viewer_id=viewer.pk, organization_id=app.organization_id)


def _link(*, viewer: User, app: OAuthApp, organization: Organization, now: datetime) -> None:
    made, is_new = GameLink.objects.get_or_create(
        viewer=viewer, organization=organization, unlinked_at=None, defaults={"app": app, "linked_at": now}
    )
    if is_new:
        audit.record("link.created", made, by=viewer, at=now, organization=organization)
        connecting.send(
            sender=GameLink, viewer_id=viewer.pk, organization_id=organization.pk, linked=True, now=now
        )


@transaction.atomic
def name_game_account(
    *, viewer_id: int, app: OAuthApp, account_id: str, name: str, now: datetime
) -> GameLink:
    """`app`'s studio says which game account is behind a link. Saying it again changes nothing.

    Raises NotLinked, GameAccountTaken (nothing is changed) or ValidationError.
    """
    named = live_link(viewer_id=viewer_id, organization_id=app.organization_id)
    if (named.game_account_id, named.game_account_name) == (account_id, name):
        return named
    before = {"id": named.game_account_id, "name": named.game_account_name}
    named.game_account_id, named.game_account_name = account_id, name
    named.clean_fields()
    if account_id:
        _end_left_over(now, organization=app.organization, game_account_id=account_id)
    try:
        with transaction.atomic():
            named.save(update_fields=["game_account_id", "game_account_name"])
    except IntegrityError:
        raise GameAccountTaken from None
    game_account_named.send(sender=GameLink, link=named)
    audit.record(
        "link.named",
        named,
        by=app,
        at=now,
        organization=app.organization,
        data={"before": before, "after": {"id": account_id, "name": name}},
    )
    return named


def viewers_connected_by(app: OAuthApp, *, most: int) -> int:
    """How many viewers are connected through `app` now, counted no further than `most`."""
    return standing().filter(app=app)[:most].count()


def _end_left_over(now: datetime, *, organization: Organization | None, **which: object) -> None:
    """Links of deleted apps that stand in the way of a new one, before their turn."""
    rows = GameLink.objects.filter(organization=organization, unlinked_at=None, **which)
    rows.filter(Exists(_REMOVAL)).exclude(Exists(CONSENT_BEHIND_LINK)).update(unlinked_at=now)


@transaction.atomic
def unlink(*, viewer: User, organization: Organization, now: datetime) -> None:
    """The viewer takes back every consent to the organization's apps."""
    apps = OAuthApp.objects.filter(organization=organization)
    _end_consents(apps=apps, viewer=viewer, now=now, actor=viewer)


def unlink_everything(*, viewer: User, now: datetime) -> None:
    """For the deletion of the account: no app, the platform's own included, speaks for `viewer` any more."""
    apps = OAuthApp.objects.filter(
        Q(pk__in=Consent.objects.filter(viewer=viewer, ended_at__isnull=True).values("app"))
        | Q(organization__in=linked_organization_ids(viewer))
    )
    _end_consents(apps=apps, viewer=viewer, now=now, actor=viewer)


@transaction.atomic
def revoke_token(*, raw: str, client_id: str, now: datetime) -> None:
    """Revoke an access or refresh token, and the other half of the pair with it.

    `client_id`, where not empty, is who claims to ask: another app's token is left alone. If the app
    can do nothing for the viewer after that, the consent ends too. An unknown token is no error (RFC 7009).
    """
    found = tokens.find(raw)
    if found is None or (client_id and found.application.client_id != client_id):
        return
    if isinstance(found, AccessToken):
        revoke_access_token(found)
    else:
        found.revoke()
    viewer, app = found.user, found.application
    if viewer is not None and not tokens.has_refresh_token(viewer=viewer, app=app):
        _end_consents(apps=[app], viewer=viewer, now=now, actor=app)


@transaction.atomic
def _end_consents(*, apps: Iterable[OAuthApp], viewer: User, now: datetime, actor: User | OAuthApp) -> None:
    apps = list(apps)
    tokens.revoke_all(apps=apps, viewer=viewer, now=now)
    Consent.objects.filter(app__in=apps, viewer=viewer, ended_at__isnull=True).update(ended_at=now)
    links = GameLink.objects.select_related("organization").filter(
        viewer=viewer, organization__in=[app.organization for app in apps], unlinked_at__isnull=True
    )
    for ended in links.exclude(Exists(CONSENT_BEHIND_LINK)):
        ended.unlinked_at = now
        ended.save(update_fields=["unlinked_at"])
        audit.record("link.ended", ended, by=actor, at=now)

"""OAuth apps: how a studio's servers, and the platform's own, speak to Drops."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _, gettext_noop
from oauth2_provider.models import AbstractApplication, ApplicationManager
from oauth2_provider.validators import AllowedURIValidator

from config.one_line import one_line
from config.ulid import new_ulid

from .organizations import Organization

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The only hosts that a redirect URI may reach without TLS: the developer's own machine.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1")
NOT_AN_ADDRESS = _(
    "Enter a whole address that begins with https://, such as https://studio.example.com/callback."
)
# Names of columns that the toolkit marks for translation without a translation of its own.
TOOLKIT_WORDS = (gettext_noop("client ID"), gettext_noop("redirect URIs"))


def app_logo_path(app: OAuthApp, filename: str) -> str:
    return f"apps/{new_ulid()}.webp"


class OAuthApp(AbstractApplication):
    """An OAuth client. It belongs to an organization, or to the platform itself (`is_platform`)."""

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="oauth_apps"
    )
    # The app belongs to the streaming platform and may use the scope "platform".
    is_platform = models.BooleanField(default=False)
    logo = models.ImageField(upload_to=app_logo_path, blank=True)
    previous_client_secret = models.CharField(max_length=255, blank=True, editable=False)
    previous_secret_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True, editable=False)
    # With a secret or a token that was right; of which kind (CallKind). Behind by a minute at most.
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    last_used_by = models.CharField(max_length=8, blank=True, editable=False)

    objects: models.Manager[OAuthApp] = ApplicationManager()

    class Meta(AbstractApplication.Meta):
        verbose_name = _("OAuth app")
        verbose_name_plural = _("OAuth apps")
        indexes = [
            models.Index(fields=["organization", "name", "id"], name="oauth_app_by_name"),
            models.Index(fields=["organization", "id"], name="oauth_app_by_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_platform=True, organization__isnull=True)
                | Q(is_platform=False, organization__isnull=False),
                name="oauth_app_has_one_owner",
                violation_error_message=_("An app belongs to an organization or to the platform."),
            )
        ]

    @property
    def is_alive(self) -> bool:
        """Not deleted, and its organization is approved and not suspended: its tokens and secret count."""
        return self.deleted_at is None and (self.organization is None or self.organization.is_active)

    def is_usable(self, request: object) -> bool:
        return self.is_alive

    def allows_grant_type(self, *grant_types: str) -> bool:
        """Every app may use both grants: a studio needs users' consent and its own claims alike."""
        return bool({self.GRANT_AUTHORIZATION_CODE, self.GRANT_CLIENT_CREDENTIALS}.intersection(grant_types))

    def get_allowed_schemes(self) -> list[str]:
        """The setting allows https alone; `clean` lets http through for the loopback hosts."""
        return ["https", "http"]

    def redirect_uri_allowed(self, uri: str) -> bool:
        """Character for character: the toolkit would let a loopback URI change its port."""
        return uri in self.redirect_uris.split()

    def clean(self) -> None:
        if not self.name.strip():
            raise ValidationError(
                {"name": _("A name is required, because viewers are asked to trust this app.")}
            )
        try:
            one_line(self.name)
        except ValidationError as refusal:
            raise ValidationError({"name": refusal}) from None
        for uri in self.redirect_uris.split():
            if why := redirect_refusal(uri):
                wrong = _("“%(uri)s” cannot be a redirect URI. %(why)s")
                raise ValidationError({"redirect_uris": wrong % {"uri": uri, "why": why}})
        # An app that nobody is sent back to asks nobody for consent.
        self.authorization_grant_type = (
            self.GRANT_AUTHORIZATION_CODE if self.redirect_uris.strip() else self.GRANT_CLIENT_CREDENTIALS
        )
        super().clean()


def redirect_refusal(uri: str) -> StrOrPromise:
    """Why `uri` cannot be a redirect URI; empty if it can."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return NOT_AN_ADDRESS
    if parts.scheme not in ("http", "https") or not host:
        return NOT_AN_ADDRESS
    if "#" in uri:
        return _("It has a fragment (#), which browsers keep to themselves. Leave it out.")
    if "*" in uri:
        return _("It has a wildcard (*). Enter each address in full.")
    if "@" in parts.netloc:
        return _("It has a username or a password. Leave them out.")
    if parts.scheme == "http" and host not in LOOPBACK_HOSTS:
        return _("It begins with http://. Use https://; only localhost and 127.0.0.1 may have http://.")
    try:
        AllowedURIValidator(["https", "http"], "redirect URI", allow_path=True, allow_query=True)(uri)
    except ValidationError:
        return NOT_AN_ADDRESS
    return ""


class Consent(models.Model):
    """A viewer's standing permission for one app. While it stands, the app need not ask again.

    The row is the history: withdrawing sets `ended_at`, consenting again makes a new row.
    """

    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    app = models.ForeignKey(OAuthApp, on_delete=models.PROTECT, related_name="consents")
    # The scopes that the viewer agreed to, separated by spaces.
    scope = models.TextField(blank=True)
    given_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["viewer", "app"],
                condition=Q(ended_at__isnull=True),
                name="consent_one_live_per_app",
                violation_error_message=_("The viewer has already consented to this app."),
            )
        ]
        indexes = [
            models.Index(
                fields=["app", "id"], condition=Q(ended_at__isnull=True), name="consent_live_by_app"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.viewer} for {self.app}"


class GameLink(models.Model):
    """A viewer's account connected to a game account of an organization.

    The row is the history: unlinking sets `unlinked_at`, linking again makes a new row.
    """

    viewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="game_links")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="game_links")
    app = models.ForeignKey(OAuthApp, on_delete=models.PROTECT, related_name="game_links")
    game_account_id = models.CharField(max_length=128, blank=True)
    game_account_name = models.CharField(max_length=128, blank=True, validators=[one_line])
    linked_at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "game_account_id"], name="game_link_by_account"),
            models.Index("organization", Upper("game_account_name"), name="game_link_by_account_name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["viewer", "organization"],
                condition=Q(unlinked_at__isnull=True),
                name="game_link_one_live_per_viewer",
                violation_error_message=_("This account is already connected."),
            ),
            models.UniqueConstraint(
                fields=["organization", "game_account_id"],
                condition=Q(unlinked_at__isnull=True) & ~Q(game_account_id=""),
                name="game_link_one_live_per_game_account",
                violation_error_message=_("This game account is connected to another viewer."),
            ),
        ]

    def __str__(self) -> str:
        return self.game_account_name or self.game_account_id or str(self.viewer)


class ConnectVisit(models.Model):
    """A viewer saw an organization's consent page: `at` is when they saw it first. It goes with the account."""

    viewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="connect_visits", db_index=False
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="connect_visits", db_index=False
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["viewer", "organization"], name="connect_visit_once_per_viewer")
        ]

    def __str__(self) -> str:
        return f"{self.viewer} at {self.organization}"


class AppRemoval(models.Model):
    """Viewers of a deleted app who are still to be unlinked. Once all are, `finished_at` says so.

    `viewers`: how many agreed to the app when it was deleted, None until they were counted; `done` of these have
    been looked at, and `unlinked` had agreed to no other app of the organization.
    """

    app = models.OneToOneField(OAuthApp, on_delete=models.PROTECT, primary_key=True, related_name="removal")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, db_index=False, related_name="app_removals"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    began_at = models.DateTimeField()
    viewers = models.PositiveIntegerField(null=True)
    done = models.PositiveIntegerField(default=0)
    unlinked = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], condition=Q(finished_at__isnull=True), name="app_removal_under_way"
            ),
        ]

    def __str__(self) -> str:
        return str(self.app)

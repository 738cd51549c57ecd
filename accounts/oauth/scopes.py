"""The scopes that clients know, and who may hold which."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from oauth2_provider.scopes import BaseScopes

from accounts.domain.permissions import DROPS_REPLAY, DROPS_WRITE, PLATFORM
from accounts.models import OAuthApp

USER_READ = "user:read"
DROPS_WATCH = "drops:watch"
DROPS_CLAIM = "drops:claim"
# What a viewer can agree to, in the words of the consent page. A studio's app has to do with the studio's own
# campaigns alone, whatever its scopes.
VIEWER_SCOPES = {
    USER_READ: _("See your name, profile picture, email address and progress in its campaigns"),
    "channel:read": _("See your channel and what you stream"),
    DROPS_WATCH: _("Report to Drops what you watch, and see your watch history"),
    DROPS_CLAIM: _("Claim rewards of its campaigns in your name"),
}
# Clients written for the contract ask for these as a matter of course. They are granted as asked, so
# that no client trips over a shorter answer, and nothing on Drops stands behind them.
IDLE_SCOPES = (
    "channel:write",
    "channel:rewards:read",
    "channel:rewards:write",
    "chat:write",
    "streamkey:read",
    "events:subscribe",
    "moderation:ban",
    "moderation:chat_message:manage",
    "kicks:read",
)
APP_SCOPES = {
    DROPS_WRITE: _("Create, change, publish and withdraw the organization's campaigns and rewards"),
    DROPS_REPLAY: _("Read test events and deliveries of campaigns in test mode, for a developer's machine"),
    PLATFORM: _("Report livestreams and audiences for the whole platform"),
}


class Scopes(BaseScopes):
    """What may be asked for: viewers agree to the viewers' scopes, apps hold their own for themselves."""

    def get_all_scopes(self) -> dict[str, str]:
        words = VIEWER_SCOPES | dict.fromkeys(IDLE_SCOPES, "") | APP_SCOPES
        return {scope: str(text) for scope, text in words.items()}

    def get_available_scopes(
        self, application: OAuthApp | None = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        scopes = [*VIEWER_SCOPES, *IDLE_SCOPES]
        if application is not None and getattr(request, "grant_type", None) == "client_credentials":
            scopes += [PLATFORM] if application.is_platform else [DROPS_WRITE, DROPS_REPLAY]
        return scopes

    def get_default_scopes(
        self, application: OAuthApp | None = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        """A viewer agrees at least to being known; an app's own token needs no scope."""
        return [] if getattr(request, "grant_type", None) == "client_credentials" else [USER_READ]

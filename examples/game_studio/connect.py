"""Connecting: the game account first, then the account on Drops by OAuth 2.1 with PKCE and state."""

import logging
from collections.abc import Callable

from authlib.integrations.base_client import OAuthError
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.flask_client import OAuth
from flask import g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from . import drops, report, store
from .app import app, message_page
from .config import DROPS_CLIENT_ID, DROPS_CLIENT_SECRET, DROPS_URL, STUDIO_URL

log = logging.getLogger(__name__)

oauth = OAuth(app)
oauth.register(
    "drops",
    client_id=DROPS_CLIENT_ID,
    client_secret=DROPS_CLIENT_SECRET,
    authorize_url=f"{DROPS_URL}/oauth/authorize",
    access_token_url=f"{DROPS_URL}/oauth/token",
    client_kwargs={"scope": "user:read", "code_challenge_method": "S256", "default_timeout": drops.TIMEOUT},
)


@app.get("/connect")
def connect() -> str:
    """The page that a campaign's connect address leads to, with `?return_to=` the page of Drops to end on."""
    return_to = request.args.get("return_to", "")
    # With the slash: http://drops.example.evil.net begins with http://drops.example, too. A line break,
    # which is not printable, would make a second header of the redirect.
    if return_to.startswith(f"{DROPS_URL}/") and return_to.isprintable():
        session["return_to"] = return_to
    elif return_to:
        log.warning("return_to %r is ignored: it is not an address of Drops", return_to)
    return render_template("connect.html", return_to=session.get("return_to", DROPS_URL))


@app.get("/connect/start")
def start() -> Response:
    """Send the player to Drops. Authlib keeps the state and the PKCE verifier in the session."""
    if not g.player:
        return redirect(url_for("connect"))
    for key in [key for key in session if key.startswith("_state_drops_")]:
        del session[key]  # attempts that were never finished would fill the cookie
    response: Response = oauth.drops.authorize_redirect(f"{STUDIO_URL}/connect/callback")
    return response


@app.get("/connect/callback")
def callback() -> Response | tuple[str, int]:
    """Drops sends the player back: learn who they are there, and remember it."""
    if not g.player:
        return redirect(url_for("connect"))
    try:
        access_token = oauth.drops.authorize_access_token()["access_token"]
        user = drops.user(access_token)
        user_id, user_name = str(int(user["user_id"])), str(user["name"])
    except MismatchingStateError:
        text = "This answer belongs to no connection that you began here within the last hour."
        return message_page(400, "Nothing was connected", text)
    except (*drops.DropsError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, OAuthError) and error.error == "access_denied":
            return message_page(403, "Nothing was connected", "You did not allow it on Drops. That is fine.")
        log.exception("Drops did not say who the player is")
        return message_page(
            502, "Nothing was connected", "Drops did not answer as it should. Try again soon."
        )

    try:
        store.connect(player_id=g.player["id"], user_id=user_id, user_name=user_name)
    except store.AlreadyConnected:
        if store.is_connected(user_id):
            text = f"{user_name} is connected to another player. Disconnect it there first."
        else:
            text = f"{g.player['name']} is connected to {g.player['drops_name']}. Disconnect that one first."
            try_to(drops.revoke, access_token)  # or Drops would take this user for connected
        return message_page(409, "One account each", text)
    try_to(drops.name_link, user_id, str(g.player["id"]), g.player["name"])
    report.soon()  # rewards that waited for this user have just reached the player
    return redirect(session.pop("return_to", url_for("garage")))


def try_to(call: Callable[..., None], *args: str) -> None:
    """Make a call to Drops that is good to have: without it the connection holds all the same."""
    try:
        call(*args)
    except drops.DropsError as error:
        log.warning("%s: %s", call.__name__, error)

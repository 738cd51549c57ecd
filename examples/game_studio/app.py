"""The Flask application and what all its pages share."""

import hmac
from urllib.parse import urlsplit

from flask import Flask, abort, g, render_template, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from . import store
from .config import DROPS_CLIENT_SECRET, DROPS_URL, STUDIO_URL

app = Flask(__name__)
app.config.update(
    # Derived, so that players stay signed in over a restart without one more secret to keep.
    SECRET_KEY=hmac.digest(DROPS_CLIENT_SECRET.encode(), b"studio session", "sha256"),
    # Cookies know no ports: Drops on another port of this host must not have one of the same name.
    SESSION_COOKIE_NAME="skyforge_session",
    SESSION_COOKIE_SAMESITE="Lax",
    SESSION_COOKIE_SECURE=STUDIO_URL.startswith("https:"),
    MAX_CONTENT_LENGTH=64 * 1024,
)


@app.before_request
def load_player() -> None:
    """Know the player, and refuse forms that a page of another site sends."""
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
        abort(403, "This form was sent from another site. Open the page here and send it again.")
    g.player = store.player(session["player_id"]) if "player_id" in session else None


@app.after_request
def protect(response: Response) -> Response:
    policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@app.context_processor
def for_every_template() -> dict[str, object]:
    return {"player": g.get("player"), "drops_url": DROPS_URL}


@app.errorhandler(HTTPException)
def error_page(error: HTTPException) -> tuple[str, int]:
    return message_page(error.code or 500, error.name, error.description or "")


def message_page(status: int, title: str, text: str) -> tuple[str, int]:
    """A page that says one thing, with the ways on from it."""
    return render_template("message.html", title=title, text=text), status

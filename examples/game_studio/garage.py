"""The game's own pages: signing in, and the garage with the rewards that were delivered."""

import re

from flask import abort, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from . import store
from .app import app
from .catalogue import item

PLAYER_NAME = re.compile(r"[A-Za-z0-9_-]{3,20}")


@app.get("/")
def garage() -> str:
    if not g.player:
        return render_template("welcome.html")
    rewards = [(item(reward), reward) for reward in store.rewards_of(g.player["id"])]
    return render_template("garage.html", rewards=rewards)


@app.post("/sign-in")
def sign_in() -> Response:
    """By name alone, which is enough for an example and for nothing else: a real game has real accounts."""
    name = request.form.get("name", "").strip()
    if not PLAYER_NAME.fullmatch(name):
        abort(400, "A player name has 3 to 20 characters: letters, digits, - and _.")
    player = store.sign_in(name)
    session["player_id"] = player["id"]
    is_done = player["drops_user_id"] and "return_to" not in session
    return redirect(url_for("garage" if is_done else "connect"))


@app.post("/sign-out")
def sign_out() -> Response:
    session.clear()
    return redirect(url_for("garage"))


@app.post("/disconnect")
def disconnect() -> Response:
    if g.player:
        store.disconnect(g.player["id"])
    return redirect(url_for("connect"))

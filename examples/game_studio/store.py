"""The studio's own records in SQLite: players, whom they are on Drops, and the rewards they were given."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from .config import STUDIO_DB

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS players (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    drops_user_id TEXT UNIQUE,             -- text: ids go up to 2^64, SQLite's integers to 2^63
    drops_name TEXT
);
CREATE TABLE IF NOT EXISTS rewards (
    claim_id TEXT PRIMARY KEY,             -- a repeated webhook finds the claim here already
    drops_user_id TEXT NOT NULL,
    reward_id TEXT NOT NULL,
    external_id TEXT NOT NULL,
    received_at TEXT NOT NULL,
    player_id INTEGER REFERENCES players,  -- empty until a player connects as this user
    status TEXT NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'delivered', 'refused'))
);
CREATE INDEX IF NOT EXISTS rewards_of_player ON rewards (player_id, received_at);
CREATE INDEX IF NOT EXISTS rewards_unreported ON rewards (claim_id) WHERE status = 'received';
"""


class AlreadyConnected(Exception):
    """The player has another Drops account, or the Drops account another player."""


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """One transaction on a connection of its own; a writer waits up to 10 s for the one before it."""
    with closing(sqlite3.connect(STUDIO_DB, timeout=10)) as db, db:
        db.row_factory = sqlite3.Row
        yield db


def prepare() -> None:
    with database() as db:
        db.executescript(SCHEMA)


def sign_in(name: str) -> sqlite3.Row:
    """The player of that name, who is made when new."""
    with database() as db:
        db.execute("INSERT INTO players (name) VALUES (?) ON CONFLICT DO NOTHING", [name])
        row: sqlite3.Row = db.execute("SELECT * FROM players WHERE name = ?", [name]).fetchone()
        return row


def player(player_id: int) -> sqlite3.Row | None:
    with database() as db:
        row: sqlite3.Row | None = db.execute("SELECT * FROM players WHERE id = ?", [player_id]).fetchone()
        return row


def is_connected(user_id: str) -> bool:
    with database() as db:
        return bool(db.execute("SELECT 1 FROM players WHERE drops_user_id = ?", [user_id]).fetchone())


def connect(*, player_id: int, user_id: str, user_name: str) -> None:
    """Join a player and a Drops user, one to one, and hand over the rewards that waited for that user.

    Connecting the same two again changes nothing. Raises AlreadyConnected.
    """
    ids = {"player": player_id, "user": user_id, "name": user_name}
    with database() as db:
        try:
            joined = db.execute(
                "UPDATE players SET drops_user_id = :user, drops_name = :name"
                " WHERE id = :player AND coalesce(drops_user_id, :user) = :user",
                ids,
            )
        except sqlite3.IntegrityError as error:  # another player is this user
            raise AlreadyConnected from error
        if not joined.rowcount:  # this player is another user
            raise AlreadyConnected
        db.execute(
            "UPDATE rewards SET player_id = :player WHERE drops_user_id = :user AND player_id IS NULL", ids
        )


def disconnect(player_id: int) -> None:
    """Part a player from the Drops account; the rewards handed over stay with the player."""
    with database() as db:
        db.execute("UPDATE players SET drops_user_id = NULL, drops_name = NULL WHERE id = ?", [player_id])


def keep_reward(claim: dict[str, str]) -> bool:
    """Hand a reward to the player who is that user, or keep it for them; false when it was here already."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with database() as db:
        # One statement: a player who connects at this moment is seen here, or sees the reward.
        added = db.execute(
            "INSERT INTO rewards (claim_id, drops_user_id, reward_id, external_id, received_at, player_id)"
            " VALUES (:claim_id, :user_id, :reward_id, :external_id, :now,"
            " (SELECT id FROM players WHERE drops_user_id = :user_id)) ON CONFLICT (claim_id) DO NOTHING",
            {**claim, "now": now},
        )
        return added.rowcount == 1


def rewards_of(player_id: int) -> list[sqlite3.Row]:
    """What the player was given, newest first."""
    query = "SELECT * FROM rewards WHERE player_id = ? ORDER BY received_at DESC, claim_id DESC"
    with database() as db:
        return db.execute(query, [player_id]).fetchall()


def unreported(limit: int) -> list[str]:
    """Claims whose player has the item, while Drops has not been told so."""
    query = "SELECT claim_id FROM rewards WHERE status = 'received' AND player_id IS NOT NULL LIMIT ?"
    with database() as db:
        return [row["claim_id"] for row in db.execute(query, [limit])]


def set_status(claim_ids: list[str], status: str) -> None:
    with database() as db:
        rows = [(status, claim_id) for claim_id in claim_ids]
        db.executemany("UPDATE rewards SET status = ? WHERE claim_id = ?", rows)

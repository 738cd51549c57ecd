"""What the studio must be told, read once from the environment. Addresses come without a slash at the end."""

import os

REQUIRED = {
    "DROPS_URL": "the address of Drops, for example http://127.0.0.1:8000",
    "DROPS_CLIENT_ID": "the id of the OAuth app made in the Drops dashboard",
    "DROPS_CLIENT_SECRET": "the secret of that OAuth app",
    "STUDIO_DB": "the file of the studio's own SQLite database",
}

missing = [f"{name} ({meaning})" for name, meaning in REQUIRED.items() if not os.environ.get(name)]
if missing:
    raise SystemExit(f"game studio: not set: {', '.join(missing)}")

DROPS_URL = os.environ["DROPS_URL"].rstrip("/")
DROPS_CLIENT_ID = os.environ["DROPS_CLIENT_ID"]
DROPS_CLIENT_SECRET = os.environ["DROPS_CLIENT_SECRET"]
STUDIO_DB = os.environ["STUDIO_DB"]
STUDIO_PORT = os.environ.get("STUDIO_PORT", "9000")
if not STUDIO_PORT.isdecimal() or not 0 < int(STUDIO_PORT) < 65536:
    raise SystemExit(f"game studio: STUDIO_PORT is {STUDIO_PORT!r}; it must be a port, for example 9000")
STUDIO_URL = os.environ.get("STUDIO_URL", f"http://127.0.0.1:{STUDIO_PORT}").rstrip("/")

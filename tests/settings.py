"""The site's own settings, on a state folder of the tests' own: a developer's Drops is never touched."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

STATE_DIR = tempfile.mkdtemp(prefix="drops-tests-")
Path(STATE_DIR, "static").mkdir()  # WhiteNoise warns of a folder that is missing
atexit.register(shutil.rmtree, STATE_DIR, ignore_errors=True)

os.environ |= {
    "ENV_FILE": os.devnull,
    "STATE_DIR": STATE_DIR,
    "SECRET_KEY": "tests-only-0123456789-0123456789-0123456789-0123456789",
    "ENCRYPTION_KEYS": "dGVzdHMtb25seS1rZXktb2YtdGhpcnR5LXR3by1ieS0=",
    "SITE_URL": "http://127.0.0.1:8000",
    "DEBUG": "false",
    # The partners' servers in the tests are real ones, on this machine.
    "OUTBOUND_ALLOW_LOOPBACK": "true",
    "DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or f"sqlite:///{STATE_DIR}/db.sqlite3",
    "REDIS_URL": "",
    "SOCKET_URL": "ws://127.0.0.1:8001",
    "OIDC_SERVER_URL": "",
    "STREAMERS_GO_LIVE": "true",
}

from config.settings import *  # noqa: E402, F403

# Signing in is not what these tests are about.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "accounts.oauth.secrets.ClientSecretHasher",
]
# Without the manifest, which only collectstatic writes.
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}

"""`make lint`: all that can be said about the code without running it. Each check runs, whatever others say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    "ruff check .",
    "ruff format --check .",
    "mypy .",
    "lint-imports",
    "python -m scripts.lock --check",
    "python -m scripts.migrations",
    "env DATABASE_URL=sqlite:///:memory: python -m scripts.upgrades",
    "bandit --quiet --recursive --severity-level medium --configfile pyproject.toml .",
    "env DATABASE_URL=sqlite:///:memory: python manage.py makemigrations --check --dry-run",
    "python manage.py check --deploy --fail-level WARNING",
)
# As a site on the internet has them. Nothing is connected to.
PRODUCTION = {
    "ENV_FILE": os.devnull,
    "DEBUG": "false",
    "SITE_URL": "https://drops.example.com",
    "BEHIND_TLS_PROXY": "true",
    "SECRET_KEY": get_random_secret_key(),
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "DATABASE_URL": "postgres://drops@127.0.0.1/drops",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "EMAIL_URL": "smtp+tls://drops:password@mail.example.com:587",
    "OUTBOUND_ALLOW_LOOPBACK": "false",
}


def main() -> int:
    environment = os.environ | PRODUCTION | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    failed = []
    for check in CHECKS:
        print(f"$ {check}", flush=True)
        if subprocess.run(check.split(), cwd=ROOT, env=environment, check=False).returncode:
            failed.append(check)
    if failed:
        print(f"Failed: {'; '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())

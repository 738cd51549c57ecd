"""Brings database, static files and demo data up to date before the processes start."""

from __future__ import annotations

import os
from io import StringIO

import django
from django.core.management import call_command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    # What it prints is in a file too, and shown when everything runs.
    call_command("demo", studio_url=os.environ["STUDIO_URL"], stdout=StringIO())


if __name__ == "__main__":
    main()

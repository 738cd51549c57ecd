"""`make messages`: the catalogues of config/locale, for translators.

Every text that is marked for translation is written to each language's django.po, and what is translated there is
compiled. `make messages LOCALE=de` begins a language.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ROOT / "config" / "locale"
TOOLS = ("xgettext", "msguniq", "msgmerge", "msgattrib", "msgfmt")
NO_TOOLS = """\
`make messages` needs the tools of GNU gettext. Not found: {lacking}.
On Debian and Ubuntu: apt-get install gettext. On macOS: brew install gettext."""
# What nobody reads on the site: the environment, tests, tools, the example of a partner's server.
LEFT_OUT = ("var", "tests", "bench", "scripts", "examples")
# Django needs a configuration to begin at all.
ENVIRONMENT = {"ENV_FILE": os.devnull, "DEBUG": "true"}


def main(locale: str) -> int:
    if lacking := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(NO_TOOLS.format(lacking=", ".join(lacking)), file=sys.stderr)
        return 1
    which = ("--locale", locale) if locale else ("--all",)
    ignored = [word for folder in LEFT_OUT for word in ("--ignore", folder)]
    # Without line numbers, so that a catalogue changes only where a text does.
    extracted = _manage("makemessages", *which, *ignored, "--add-location", "file")
    if extracted.returncode:
        return extracted.returncode
    # What it says beyond that is a warning of a text that cannot be translated well.
    if warnings := [line for line in extracted.stdout.splitlines() if not line.startswith("processing ")]:
        print(*warnings, sep="\n", file=sys.stderr)
        return 1
    if not any(CATALOGUES.glob("*/LC_MESSAGES/django.po")):
        print("Every text can be extracted. There is no catalogue yet. To begin one: make messages LOCALE=de")
        return 0
    return _manage("compilemessages", "--ignore", "var", "--verbosity", "0").returncode


def _manage(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(os.environ.get("LOCALE", "")))

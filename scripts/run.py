"""`make run`: everything that Drops is made of, on this machine, until Ctrl-C.

What runs is in the Procfile. What that needs is prepared here: settings (made once, kept in var/env), Valkey
unless REDIS_URL names a server, the database, demo data. All of it lives in STATE_DIR, which is var/.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import IO

import environ
from cryptography.fernet import Fernet
from honcho.environ import parse_procfile

from scripts.ports import free_port, is_free
from scripts.processes import Processes
from scripts.valkey import configure, running_valkey

ROOT = Path(__file__).resolve().parent.parent

FIRST_SETTINGS = """\
# Made by the first `make run`. .env.example explains every setting; what the shell exports goes first.
SECRET_KEY={secret_key}
ENCRYPTION_KEYS={encryption_key}
DEBUG=false
# The example studio's server is on this machine.
OUTBOUND_ALLOW_LOOPBACK=true
"""


def main() -> int:
    os.chdir(ROOT)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, interrupt)
    os.umask(0o077)
    state = Path(os.environ.get("STATE_DIR", "var")).resolve()
    (state / "media").mkdir(parents=True, exist_ok=True)
    close_to_others(state)
    try:
        with lock(state):
            set_environment(state)
            return run(prepare(state))
    except KeyboardInterrupt:
        return 130


def interrupt(signal_number: int, frame: FrameType | None) -> None:
    """As Ctrl-C does: what was started is stopped on the way out."""
    raise KeyboardInterrupt


def close_to_others(state: Path) -> None:
    """What is in there opens accounts: the database with its sessions, Valkey's file, mails with links.

    The environment of Python holds no secret, and may be another tree's.
    """
    state.chmod(0o700)
    for folder, folders, files in os.walk(state):
        folders[:] = [name for name in folders if Path(folder, name) != state / "venv"]
        for path in (Path(folder, name) for name in (*folders, *files)):
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)


def lock(state: Path) -> IO[str]:
    """Two at once would write over each other's data. The lock ends with the process."""
    file = (state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"Drops is running already, with the data in {state}.") from None
    return file


def set_environment(state: Path) -> None:
    """All that the Procfile's commands and the settings read, except Valkey's address."""
    if "ENV_FILE" not in os.environ:
        write_first_settings(state / "env")
    environ.Env.read_env(os.environ.get("ENV_FILE", state / "env"))
    os.environ.setdefault("STREAMERS_GO_LIVE", "true")  # the demo has no platform that reports livestreams
    web_port = chosen_port("PORT", "8000", "")
    studio_port = chosen_port("STUDIO_PORT", "9000", " for the example studio")
    socket_port = chosen_port("SOCKET_PORT", str(free_port()), " for the viewer WebSocket")
    # A line for every request would push the addresses and sign-ins off the screen.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("GRANIAN_LOG_LEVEL", "warning")
    os.environ.setdefault("SITE_URL", f"http://127.0.0.1:{web_port}")
    os.environ.setdefault("SOCKET_URL", f"ws://127.0.0.1:{socket_port}")
    os.environ |= {
        "STATE_DIR": str(state),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "PORT": web_port,
        "SOCKET_PORT": socket_port,
        "DROPS_URL": os.environ["SITE_URL"],
        "STUDIO_PORT": studio_port,
        "STUDIO_URL": f"http://127.0.0.1:{studio_port}",
        "STUDIO_DB": str(state / "studio.sqlite3"),
    }


def chosen_port(name: str, default: str, purpose: str) -> str:
    port = os.environ.get(name) or default
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SystemExit(f"{name} is {port!r}; it must be a port, a number from 1 to 65535.")
    if not is_free(int(port)):
        another = int(port) + 100 if int(port) < 65000 else 8100
        raise SystemExit(f"Port {port}{purpose} is in use. Choose another: make run {name}={another}")
    return port


def write_first_settings(file: Path) -> None:
    if file.exists():
        return
    file.touch(mode=0o600)
    file.write_text(
        FIRST_SETTINGS.format(
            secret_key=secrets.token_urlsafe(50), encryption_key=Fernet.generate_key().decode()
        )
    )


def prepare(state: Path) -> dict[str, str]:
    """Bring database, static files and demo data up to date; returns the processes to run, by name."""
    processes: dict[str, str] = parse_procfile(Path("Procfile").read_text()).processes
    command = [sys.executable, "-m", "scripts.prepare"]
    if os.environ.get("REDIS_URL"):
        del processes["valkey"]
        result = subprocess.run(command, check=False)
    else:
        with running_valkey(state / "valkey") as url:
            result = subprocess.run(command, env=os.environ | {"REDIS_URL": url}, check=False)
        valkey, os.environ["REDIS_URL"] = configure(state / "valkey")
        os.environ["VALKEY_COMMAND"] = shlex.join(valkey)
    if result.returncode:
        raise SystemExit("Drops could not be prepared: the lines above say why.")
    environ.Env.read_env(state / "studio.env")
    # Deliveries begin with the demo's test event, and the studio that gets it asks the site for its key.
    processes["deliveries"] = f"python -m scripts.ports $PORT $STUDIO_PORT && {processes['deliveries']}"
    return processes


def run(commands: dict[str, str]) -> int:
    processes = Processes()
    for name, command in commands.items():
        processes.add_process(name, command, env=dict(os.environ))
    try:
        processes.loop()
    except (KeyboardInterrupt, OSError):
        # The terminal was closed: nothing can be said any more, and every Leader ends its group when we are gone.
        os._exit(1)
    if processes.ended_by_itself:
        names = ", ".join(processes.ended_by_itself)
        print(f"Stopped, because this ended by itself: {names}. Its last lines are above.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

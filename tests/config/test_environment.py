"""Settings come from the environment, and a bad one is refused by its name, in one line."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.processes

GOOD = {"ENV_FILE": os.devnull, "SECRET_KEY": "long-and-random"}


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **GOOD, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set to a long random text"),
        ({"ENV_FILE": "/nowhere/env"}, "ENV_FILE names a file that does not exist: /nowhere/env"),
        ({"DEBUG": "ture"}, "DEBUG must be true or false, not 'ture'."),
        ({"WEB_THREADS": "0"}, "WEB_THREADS must be a whole number, 1 or more, not '0'."),
        ({"WEB_THREADS": "many"}, "WEB_THREADS must be a whole number, 1 or more, not 'many'."),
        *(
            (
                {"TRACES_SHARE": value},
                f"TRACES_SHARE must be a number from 0 to 1, such as 0.01, not '{value}'.",
            )
            for value in ("2", "-1", "1.5", "nan", "1e-3")
        ),
        (
            {"TRACES_ENDPOINT": "collector"},
            "TRACES_ENDPOINT must be an address such as https://host.example/path",
        ),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES must be a whole number, 0 or more, not '-1'."),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, not 'loud'."),
        ({"SITE_URL": "drops.example.com"}, "SITE_URL must be an address such as https://host.example"),
        ({"SITE_URL": "https://drops.example.com/shop"}, "SITE_URL must be an address such as"),
        ({"SITE_URL": "https://drops.example.com:99999"}, "SITE_URL must be an address such as"),
        ({"DATABASE_URL": "mysql://drops@127.0.0.1/drops"}, "DATABASE_URL must be postgres://"),
        ({"DATABASE_URL": "postgres://drops@127.0.0.1:port/drops"}, "DATABASE_URL must be postgres://"),
        ({"DATABASE_URL": "postgres://drops@127.0.0.1"}, "DATABASE_URL must be postgres://"),
        ({"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL must be an address such as redis://host.example/path"),
        ({"EMAIL_URL": "mail.example.com"}, "EMAIL_URL must be smtp+tls://"),
        ({"EMAIL_URL": "smtp://"}, "EMAIL_URL must be smtp+tls://"),
        ({"ENCRYPTION_KEYS": "secret"}, "ENCRYPTION_KEYS must be Fernet keys"),
        (
            {"OIDC_SERVER_URL": "https://id.example.com"},
            "OIDC_SERVER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET",
        ),
        ({"OUTBOUND_PROXY": "socks5://egress.example.com"}, "OUTBOUND_PROXY must be an address such as"),
    ],
)
def test_a_bad_setting_stops_the_start_with_its_name(settings: dict[str, str], complaint: str) -> None:
    result = start("-m", "config.settings", **settings)

    assert result.returncode == 1
    assert result.stderr.startswith(f"Drops cannot start. {complaint}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "program",
    [("manage.py", "migrate"), ("-m", "celery", "--app", "config", "worker"), ("-c", "import config.wsgi")],
)
def test_every_program_stops_in_one_line(program: tuple[str, ...]) -> None:
    result = start(*program, SECRET_KEY="")

    assert result.returncode == 1
    assert result.stderr.startswith("Drops cannot start. SECRET_KEY must be set")
    assert result.stderr.count("\n") == 1


def test_a_password_in_a_bad_address_is_not_repeated() -> None:
    result = start("-m", "config.settings", DATABASE_URL="mysql://drops:hunter2@127.0.0.1/drops")

    assert result.returncode == 1
    assert "hunter2" not in result.stderr


def test_the_environment_goes_before_the_file_and_an_empty_value_is_none(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("WEB_THREADS=3\nDELIVERY_THREADS=\nSITE_URL=https://file.example.com/\n")

    result = start(
        "-c",
        "from config.settings import *; print(WEB_THREADS, DELIVERY_THREADS, SITE_URL, ALLOWED_HOSTS)",
        ENV_FILE=str(file),
        WEB_THREADS="5",
    )

    assert result.stderr == ""
    assert result.stdout == "5 64 https://file.example.com ['file.example.com']\n"


@pytest.mark.parametrize(
    ("settings", "proxies"),
    [
        ({}, "0"),
        ({"BEHIND_TLS_PROXY": "true"}, "1"),
        ({"BEHIND_TLS_PROXY": "true", "TRUSTED_PROXIES": "2"}, "2"),
        ({"BEHIND_TLS_PROXY": "true", "TRUSTED_PROXIES": "0"}, "0"),
    ],
)
def test_a_proxy_is_trusted_to_say_who_comes(settings: dict[str, str], proxies: str) -> None:
    code = "from config.settings import *; print(ALLAUTH_TRUSTED_PROXY_COUNT)"
    assert start("-c", code, **settings).stdout == f"{proxies}\n"


def test_what_the_database_address_says_goes_before_our_own_and_the_pool_is_ours() -> None:
    code = "from config.settings import *; print(DATABASES['default']['OPTIONS'])"
    address = "postgres://drops@127.0.0.1/drops?prepare_threshold=9&sslmode=require&pool=false"

    options = ast.literal_eval(start("-c", code, DATABASE_URL=address).stdout)

    assert options == {
        "server_side_binding": True,
        "prepare_threshold": 9,
        "sslmode": "require",
        "pool": {"min_size": 1, "max_size": 16, "timeout": 10},
    }


def names_read() -> set[str]:
    """Settings that config/settings.py, the Procfile and the Makefile's programs read from the environment."""
    tree = ast.parse((ROOT / "config" / "settings.py").read_text())
    read = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "env"
        and isinstance(call.args[0], ast.Constant)
    }
    read |= set(re.findall(r"\$\{(\w+):-", (ROOT / "Procfile").read_text()))
    granian = {f"GRANIAN_METRICS_{name}" for name in ("ENABLED", "ADDRESS", "PORT")}
    return read | granian | {"STUDIO_PORT", "TEST_DATABASE_URL", "CHROMIUM"}


def test_the_example_names_every_setting_and_no_other() -> None:
    example = (ROOT / ".env.example").read_text()
    named = re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)

    assert len(named) == len(set(named))
    assert set(named) == names_read()

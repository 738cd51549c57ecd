"""What was said in an attempt, as a command for the shell and beside another attempt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fulfillment.domain.delivery.exchanges import HeaderPair, Line, as_curl, compare, readable
from fulfillment.models import Attempt

HOSTILE = (
    'it\'s $(touch pwned) `touch pwned` "quoted" \\\\ ! ; touch pwned # ${HOME} * ~',
    "'; touch pwned; '",
    "@/etc/passwd",
    "--output pwned",
    "line\nbreak\r\nX-Injected: yes",
    "",
    "ümläut",
)


@pytest.fixture
def curl(tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs a command in a shell whose curl writes down what it was given, and does nothing else."""
    programs, work = tmp_path / "programs", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    program = programs / "curl"
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)

    def run(command: str) -> list[str]:
        shell = ["/bin/sh", "-c", command]
        path = f"{programs}:/usr/bin:/bin"
        done = subprocess.run(
            shell, cwd=work, env={"PATH": path}, check=True, capture_output=True, timeout=60
        )
        assert list(work.iterdir()) == []
        arguments: list[str] = json.loads(done.stdout)
        return arguments

    return run


@pytest.mark.parametrize("value", HOSTILE)
def test_the_shell_hands_curl_the_same_request_and_does_nothing_else(
    curl: Callable[[str], list[str]], value: str
) -> None:
    body, url = f'{{"sent":"{value}"}}', "https://studio.example.com/a[1-3]{b}?key=it's&x=$(id)"
    headers = {"Content-Type": "application/json", "X-Hostile": value, "Kick-Event-Signature": "a+b/c=="}
    given = curl(as_curl(url=url, headers=headers, body=body.encode()))
    shown = value.replace("\n", " ").replace("\r", " ")
    assert given == [
        *("--include", "--globoff", "--url", url, "--header", "Content-Type: application/json"),
        *("--header", f"X-Hostile: {shown}" if value else "X-Hostile;"),
        *("--header", "Kick-Event-Signature: a+b/c==", "--data-raw", body),
    ]


def test_the_command_as_it_is_read() -> None:
    shown = as_curl(url="https://studio.example.com/hook", headers={"A": "b c", "Empty": ""}, body=b"{}")
    assert shown == (
        "curl --include --globoff \\\n  --url https://studio.example.com/hook \\\n  --header 'A: b c' \\\n"
        "  --header 'Empty;' \\\n  --data-raw '{}'"
    )


def attempt(body: bytes = b"", request: Mapping[str, str] = {}, response: Mapping[str, str] = {}) -> Attempt:
    return Attempt(request_headers=dict(request), response_headers=dict(response), response_body=body)


def test_headers_that_differ_come_first_whatever_their_case() -> None:
    first = attempt(request={"Same": "1", "Signature": "x"}, response={"Server": "a"})
    second = attempt(request={"same": "1", "Signature": "y", "New": "z"}, response={})
    compared = compare(first, second)
    assert compared.request_headers == [
        HeaderPair("Signature", "x", "y"),
        HeaderPair("New", None, "z"),
        HeaderPair("Same", "1", "1"),
    ]
    assert [pair.differs for pair in compared.request_headers] == [True, True, False]
    assert compared.response_headers == [HeaderPair("Server", "a", None)]


def test_bodies_are_compared_line_by_line_as_they_are_read() -> None:
    compared = compare(attempt(b'{"error":"no","id":1}'), attempt(b'{"error":"yes","id":1}'))
    assert compared.response_body == [
        Line("both", "{"),
        Line("first", '  "error": "no",'),
        Line("second", '  "error": "yes",'),
        Line("both", '  "id": 1'),
        Line("both", "}"),
    ]
    assert compared.bodies_differ
    assert not compare(attempt(b"same"), attempt(b"same")).bodies_differ
    assert not compare(attempt(), attempt()).response_body


def test_any_bytes_are_text() -> None:
    assert readable(b"\xff\x00no") == "\ufffd\x00no"
    assert readable(b"[" * 4000) == "[" * 4000

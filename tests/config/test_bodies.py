"""Bodies of requests at the edge of the site: how they may come, how large and how slow they may be."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client, RequestFactory

from accounts.domain import images
from config.middleware.bodies import limit_of, refusal
from config.server import REFUSED
from tests.running import Site, after_first_start, running_site

PATIENCE = 60  # seconds, for a machine that does much else
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("path", "content_type", "size"),
    [
        ("/viewer/v1/beat", "application/json", 16 * 1024),
        ("/oauth/token", "multipart/form-data; boundary=x", 64 * 1024),
        ("/public/v1/drops/claims", "application/json", 2 * MEBIBYTE),
        ("/public/v1/drops/claims", "multipart/form-data; boundary=x", 2 * MEBIBYTE),
        ("/accounts/login/", "application/x-www-form-urlencoded", 2 * MEBIBYTE),
        ("/settings/", "Multipart/Form-Data; boundary=x", 9 * MEBIBYTE),
    ],
)
def test_each_kind_of_address_has_its_limit(path: str, content_type: str, size: int) -> None:
    assert limit_of(path, content_type).size == size


def test_the_largest_picture_fits_into_a_form() -> None:
    assert limit_of("/settings/", "multipart/form-data").size > images.MAX_BYTES


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (400, "The body ended too soon."),
        (408, "The body took too long: it must arrive within 30 seconds."),
        (413, "The body is too large: at most 2 MiB are accepted here."),
    ],
)
def test_a_refusal_has_the_shape_of_its_address(status: int, text: str) -> None:
    asked = RequestFactory()
    program = refusal(asked.post("/public/v1/drops/claims", content_type="application/json"), status)
    person = refusal(asked.post("/accounts/login/", content_type="application/x-www-form-urlencoded"), status)

    partner = refusal(asked.post("/oauth/token", content_type="application/x-www-form-urlencoded"), status)

    assert program.status_code == person.status_code == partner.status_code == status
    told = json.loads(partner.content)
    assert told["error"] == "invalid_request"
    assert told["error_description"].split(":")[0] == text.split(":", maxsplit=1)[0]
    assert program.content.decode() == f'{{"data":null,"message":"{text}"}}'
    assert person.headers["Content-Type"] == "text/html; charset=utf-8"
    assert text in person.content.decode()
    assert "default-src 'self'" in person.headers["Content-Security-Policy"]


def test_nothing_reads_a_body_that_was_refused(client: Client) -> None:
    for path in ("/viewer/v1/beat", "/healthz", "/accounts/login/"):
        assert client.post(path, **{REFUSED: 413}).status_code == 413  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(after_first_start(tmp_path_factory.mktemp("site") / "state")) as site:
        yield site


@pytest.fixture
def secrets(site: Site) -> dict[str, str]:
    """The example studio's OAuth app."""
    lines = (site.state / "studio.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    return {"client_id": settings["DROPS_CLIENT_ID"], "client_secret": settings["DROPS_CLIENT_SECRET"]}


def chunked(site: Site, method: str, path: str, body: str, **headers: str) -> requests.Response:
    """As `curl -H 'Transfer-Encoding: chunked'` sends it, in two chunks."""
    pieces = (piece.encode() for piece in (body[:7], body[7:]))
    return requests.request(
        method,
        f"{site.url}{path}",
        data=pieces,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=PATIENCE,
        allow_redirects=False,
    )


FORM = "application/x-www-form-urlencoded"


def urlencoded(**fields: str) -> str:
    encoded = requests.Request("POST", "http://x", data=fields).prepare().body
    assert isinstance(encoded, str)
    return encoded


@pytest.fixture
def token(site: Site, secrets: dict[str, str]) -> str:
    fields = urlencoded(grant_type="client_credentials", **secrets)
    answer = chunked(site, "POST", "/oauth/token", fields, content_type=FORM)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.mark.processes
def test_a_token_that_is_revoked_in_chunks_is_dead(site: Site, secrets: dict[str, str], token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    claims = f"{site.url}/public/v1/drops/claims"
    assert requests.get(claims, headers=bearer, timeout=PATIENCE).status_code == 200

    answer = chunked(site, "POST", "/oauth/revoke", urlencoded(token=token, **secrets), content_type=FORM)

    assert answer.status_code == 200
    assert requests.get(claims, headers=bearer, timeout=PATIENCE).status_code == 401


@pytest.mark.processes
def test_a_claim_that_is_changed_in_chunks_is_changed(site: Site, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    claims = f"{site.url}/public/v1/drops/claims"
    claim_id = requests.get(claims, headers=bearer, timeout=PATIENCE).json()["data"]["claims"][0]["claim_id"]
    body = f'{{"claims": [{{"claim_id": "{claim_id}", "external_status": "in the mail"}}]}}'

    answer = chunked(
        site,
        "PATCH",
        "/public/v1/drops/claims",
        body,
        content_type="application/json",
        authorization=bearer["Authorization"],
    )

    assert answer.status_code == 204, answer.text
    found = requests.get(f"{claims}?external_status=in the mail", headers=bearer, timeout=PATIENCE).json()
    assert [claim["claim_id"] for claim in found["data"]["claims"]] == [claim_id]


def signed_in(site: Site, username: str) -> requests.Session:
    """A browser whose sign-in form came in chunks."""
    browser = requests.Session()
    address = f"{site.url}/accounts/login/"
    page = browser.get(address, timeout=PATIENCE).text
    csrf = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    form = urlencoded(csrfmiddlewaretoken=csrf, login=username, password="drops-demo")
    answer = browser.post(
        address,
        data=iter([form.encode()]),
        headers={"Content-Type": FORM},
        timeout=PATIENCE,
        allow_redirects=False,
    )
    assert answer.status_code == 302, answer.text
    return browser


@pytest.mark.processes
def test_a_sign_in_and_a_beat_may_come_in_chunks(site: Site) -> None:
    browser = signed_in(site, "vera")
    watch = browser.get(f"{site.url}/viewer/v1/token", timeout=PATIENCE).json()["data"]["token"]
    body = f'{{"token": "{watch}", "channel_id": 1, "event": "watch"}}'

    answer = chunked(site, "POST", "/viewer/v1/beat", body, content_type="application/json")

    assert (answer.status_code, answer.json()["message"]) == (202, "Accepted")


@pytest.mark.processes
def test_a_picture_of_the_largest_size_reaches_its_form_and_a_larger_body_does_not(site: Site) -> None:
    browser = signed_in(site, "mira")
    address = f"{site.url}/settings/channel/"
    page = browser.get(address, timeout=PATIENCE).text
    csrf = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]

    def upload(size: int) -> requests.Response:
        return browser.post(
            f"{address}banner/",
            data={"csrfmiddlewaretoken": csrf},
            files={"banner": ("banner.png", b"x" * size)},
            timeout=PATIENCE,
        )

    assert "Drops cannot read this picture" in upload(images.MAX_BYTES).text
    assert upload(2 * images.MAX_BYTES).status_code == 413


@pytest.mark.processes
@pytest.mark.parametrize("way", ["Content-Length: 200000000", "Transfer-Encoding: chunked"])
def test_much_too_much_at_the_token_endpoint_is_not_read(site: Site, way: str) -> None:
    with to(site, "POST", "/oauth/token", way, "Content-Type: multipart/form-data; boundary=x") as connection:
        if "chunked" in way:
            chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            connection.sendall(chunk + chunk)
        answer = b""
        while not answer.endswith(b"}"):
            more = connection.recv(65536)
            assert more, answer
            answer += more

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"The body is too large: at most 64 KiB are accepted here."' in answer


def to(site: Site, method: str, path: str, *headers: str) -> socket.socket:
    """A connection on which a request has begun."""
    address = urlsplit(site.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


@pytest.mark.processes
def test_forty_slow_bodies_keep_nobody_waiting(site: Site) -> None:
    with ExitStack() as slow:
        connections = [
            slow.enter_context(to(site, "POST", path, f"Content-Type: {FORM}", "Content-Length: 5000"))
            for path in ("/accounts/login/", "/oauth/token", "/public/v1/drops/claims", "/settings/")
            for _ in range(10)
        ]
        for connection in connections:
            connection.sendall(b"a")

        assert requests.get(f"{site.url}/campaigns/", timeout=PATIENCE).status_code == 200
        assert requests.get(f"{site.url}/healthz", timeout=PATIENCE).status_code == 200
        for connection in connections:  # all of them were there all the time
            connection.sendall(b"a")
            connection.setblocking(False)
            with pytest.raises(BlockingIOError):
                connection.recv(1)


PING = b"are they"


def http2_requests(host: str, count: int) -> bytes:
    """The beginnings of so many uploads on one connection, in HTTP/2 by prior knowledge (RFC 9113, 3.3)."""

    def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
        return (
            struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
        )

    def literal(prefix: bytes, value: str) -> bytes:
        return prefix + bytes([len(value)]) + value.encode()

    # :method POST, :scheme http, :path, :authority, content-length, content-type (RFC 7541, appendix A).
    fields = b"\x83\x86" + literal(b"\x04", "/viewer/v1/beat") + literal(b"\x01", host)
    fields += literal(b"\x0f\x0d", "10") + literal(b"\x0f\x10", "application/json")
    streams = b"".join(frame(1, 4, 2 * number + 1, fields) for number in range(count))
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + streams + frame(6, 0, 0, PING)


@pytest.mark.processes
def test_uploads_that_break_off_keep_no_thread_in_any_protocol(site: Site) -> None:
    """More of them than there are threads, twice over, in each way that a client may try."""
    address = urlsplit(site.url)
    for _ in range(4):
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
            connection.sendall(http2_requests(address.netloc, 8))
            answer = b"begun"
            while answer and PING not in answer:  # it does not speak HTTP/2, or has seen all of them
                answer = connection.recv(65536)
    for number in range(32):
        way = "Transfer-Encoding: chunked" if number % 2 else "Content-Length: 10"
        to(site, "POST", "/viewer/v1/beat", "Content-Type: application/json", way).close()

    for _ in range(4):  # whichever of the web processes answers
        assert requests.get(f"{site.url}/healthz", timeout=PATIENCE).json() == {"status": "ok"}

"""The landing page, the error pages, and what holds for the template of every page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from drops.models import Channel
from tests.factories import CampaignFactory, CampaignRewardFactory

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
# What the Content-Security-Policy would refuse, and nobody but the person with the broken page would notice.
REFUSED_BY_CSP = {
    "an inline style": re.compile(r"\sstyle\s*=", re.IGNORECASE),
    "a <style> element": re.compile(r"<style\b", re.IGNORECASE),
    "an inline script": re.compile(
        r"<script\b(?![^>]*\bsrc\s*=)(?![^>]*type=\"application/json\")", re.IGNORECASE
    ),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"']", re.IGNORECASE),
    "a javascript: address": re.compile(r"[\"']\s*javascript:", re.IGNORECASE),
    "evaluated HTMX": re.compile(r"\shx-on\b|\shx-vals\s*=\s*[\"']js:", re.IGNORECASE),
    "something from another host": re.compile(
        r"<(?:script|link|img)\b[^>]*(?:src|href)=\"(?:https?:)?//", re.IGNORECASE
    ),
}


def refused(html: str) -> list[str]:
    return [what for what, pattern in REFUSED_BY_CSP.items() if pattern.search(html)]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_no_template_has_what_the_policy_refuses(template: Path):
    assert refused(template.read_text()) == []


@pytest.mark.parametrize(
    "html",
    [
        '<p style="width: 3%">',
        "<style>p {}</style>",
        "<script>go()</script>",
        '<script defer type="module">go()</script>',
        '<a href="#" onclick="go()">',
        '<a href="javascript:go()">',
        '<p hx-on:click="go()">',
        '<img src="https://cdn.example/a.png">',
    ],
)
def test_the_scan_sees_each_way_to_break_the_policy(html: str):
    assert refused(html)


def test_every_icon_that_a_template_names_exists():
    sprite = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', sprite))
    used = {
        name
        for template in TEMPLATES
        for name in re.findall(r'components/icon.html" with name="([a-z]+)"', template.read_text())
    }
    assert used
    assert used <= drawn


def test_every_class_that_a_template_names_is_in_a_style_sheet():
    sheets = "".join(sheet.read_text() for sheet in (settings.BASE_DIR / "static" / "css").glob("*.css"))
    known = set(re.findall(r"\.([a-z][\w-]*)", sheets))
    used = {
        name
        for template in TEMPLATES
        if "admin" not in template.parts  # those stand on the stock admin's own sheets
        for classes in re.findall(r'\sclass="((?:[^"{]|\{%.*?%\}|\{\{.*?\}\})*)"', template.read_text())
        for name in re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", classes).split()
        if not name.endswith("-")  # "is-{{ tone }}"
    }
    assert used - known == set()


def test_a_studio_finds_registration_from_the_landing_page_and_from_every_footer(client: Client, db: None):
    link = 'href="/dashboard/register/"'
    home = client.get("/").content.decode()
    assert link in home[home.index('id="studios"') : home.index('id="platforms"')]
    assert link in client.get("/campaigns/").content.decode()
    assert client.get("/dashboard/register/").url == "/accounts/login/?next=/dashboard/register/"


def test_landing_page_speaks_to_viewers_studios_and_platforms(client: Client, db: None):
    response = client.get("/")
    html = response.content.decode()
    assert response.status_code == 200
    for part in ('id="viewers"', 'id="studios"', 'id="platforms"', "Sign up"):
        assert part in html
    assert '<meta property="og:image" content="http://127.0.0.1:8000/static/img/social.png">' in html
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert refused(html) == []


@pytest.mark.parametrize("count", [1, 3])
def test_landing_page_shows_what_is_live(
    client: Client, db: None, now: datetime, django_assert_num_queries: DjangoAssertNumQueries, count: int
):
    for attached in CampaignRewardFactory.create_batch(count):
        shown = attached.campaign
    ended = CampaignFactory(ends_at=now - timedelta(hours=1))
    with time_machine.travel(now), django_assert_num_queries(3):  # campaigns, rewards, allow-lists
        html = client.get("/").content.decode()
    assert "Active campaigns" in html
    assert html.count('<article class="card">') == count
    assert shown.name in html
    assert ended.name not in html


def test_header_offers_what_the_person_can_use(
    client: Client, viewer: User, owner: User, streamer: User, channel: Channel
):
    def header(user: User) -> str:
        client.force_login(user)
        return client.get("/").content.decode().split("</header>")[0]

    assert "Sign out" in header(viewer)
    assert "My channel" not in header(viewer)
    assert "Dashboard" not in header(viewer)
    assert "Dashboard" in header(owner)
    assert "My channel" in header(streamer)


def test_header_costs_one_query(
    client: Client, owner: User, django_assert_num_queries: DjangoAssertNumQueries
):
    client.force_login(owner)
    with django_assert_num_queries(3):  # session, user, what the header offers
        client.get("/nothing/")


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/fails/400/", 400, "could not understand that request"),
        ("/fails/403/", 403, "do not have access"),
        ("/nothing/", 404, "Nothing is on air here"),
        ("/fails/500/", 500, "on our side"),
        ("/fails/503/", 503, "Back in a moment"),
    ],
)
def test_errors_say_what_happened_and_what_to_do(
    client: Client, viewer: User, address: str, status: int, says: str
):
    client.raise_request_exception = False
    client.force_login(viewer)
    response = client.get(address)
    html = response.content.decode()
    assert response.status_code == status
    assert says in html
    assert "css/drops.css" in html
    assert 'class="button"' in html
    assert "a secret" not in html
    assert refused(html) == []


@pytest.mark.urls("tests.config.urls_that_fail")
def test_the_page_for_a_broken_server_needs_no_database():
    """No `db` fixture: a query here fails the test."""
    client = Client(raise_request_exception=False)
    response = client.get("/fails/500/")
    html = response.content.decode()
    assert response.status_code == 500
    assert "on our side" in html
    assert re.search(r"<code>[0-9a-f-]{36}</code>", html), "the request's number, to be looked up in the log"


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize(("address", "status"), [("/fails/500/", 500), ("/fails/503/", 503)])
def test_without_its_static_files_the_site_still_says_what_happened(address: str, status: int, settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    response = Client(raise_request_exception=False).get(address)
    assert response.status_code == status
    assert "try again" in response.content.decode()


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize("address", ["/fails/503/", "/api/v1/fails/503"])
def test_while_the_database_is_away_everybody_is_told_when_to_ask_again(address: str):
    """No `db` fixture: a query here fails the test."""
    response = Client(raise_request_exception=False).get(address)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.urls("tests.config.urls_that_fail")
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/fails/400", 400),
        ("/api/v1/fails/403", 403),
        ("/api/v1/nothing", 404),
        ("/api/v1/fails/500", 500),
        ("/api/v1/fails/503", 503),
    ],
)
def test_programs_get_json_for_the_same_errors(client: Client, db: None, address: str, status: int):
    client.raise_request_exception = False
    response = client.get(address)
    assert response.status_code == status
    assert response.json()["data"] is None
    assert response.json()["message"]
    assert "a secret" not in response.content.decode()


def test_a_foreign_host_name_is_a_bad_request(client: Client, db: None):
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "could not understand that request" in response.content.decode()


def test_a_stale_form_is_refused_with_a_page_that_explains_it(db: None):
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "viewer"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_too_many_requests_have_a_page(rf: RequestFactory):
    request = rf.get("/accounts/login/")
    request.user = AnonymousUser()
    response = respond_429(request)
    assert response.status_code == 429
    assert "That was too fast" in response.content.decode()

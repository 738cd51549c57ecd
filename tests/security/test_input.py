"""What people type: nonsense in addresses, JSON that is none, markup and formulas in every text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils.html import escape

from accounts.domain.invitations import INVITED
from accounts.domain.notices.writing import write
from accounts.models import OAuthApp, Organization, User
from drops.models import Channel
from fulfillment.models import Attempt, Claim, Delivery
from tests import factories
from tests.dashboard import sign_in
from tests.factories import NOW
from tests.isolation.pages import addresses as dashboard_addresses
from tests.isolation.world import Belongings
from tests.mails import send_notices
from tests.schema import caller_of, operations, world_of_examples
from tests.security.test_sessions import addresses

NONSENSE = [
    "\0",
    "%00",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "x" * 70_000,
    "%s%n%x{0.__class__}{{7*7}}",
    "' OR 1=1; DROP TABLE accounts_user; --",
    "\u202egnirts",
    "../../../../etc/passwd",
    "-1",
    "9" * 40,
    "1e999",
    "NaN",
    "[]",
    "<script>",
]
NAMES = (
    "q",
    "p",
    "o",
    "page",
    "before",
    "category",
    "sort",
    "state",
    "user_id",
    "next",
    "shelf",
    "limit",
    "cursor",
)
SITE = sorted({address for address in addresses() if not address.startswith(("/media/", "/static/"))})


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def everybody(owner: User, studio: Organization, channel: Channel) -> Client:
    """The browser of somebody who may open every page."""
    owner.is_staff = owner.is_superuser = True
    owner.save()
    Channel.objects.filter(pk=channel.pk).update(owner=owner)
    return sign_in(Client(), owner)


def test_no_address_breaks_on_nonsense(everybody: Client) -> None:
    """Each address with two of the texts in all of its names: neighbours, which are alike, get all of them."""
    broken = []
    for number, path in enumerate(SITE):
        for text in (NONSENSE[2 * number % len(NONSENSE)], NONSENSE[(2 * number + 1) % len(NONSENSE)]):
            answer = everybody.get(path, dict.fromkeys(NAMES, text))
            if answer.status_code >= 500:
                broken.append((path, text[:20], answer.status_code))
    assert broken == []


def test_no_part_of_an_address_breaks_on_nonsense(everybody: Client) -> None:
    """Each address with three of the texts."""
    broken = []
    places = ("/01K0TDDR08Q5ZNWXK92VRXD7GX/", "/x/", "/1/")
    texts = ("%00", "%ed%a0%80", "%FF", "9" * 40, "..%2f..%2fetc", "%7B%7B7*7%7D%7D", "a" * 3000)
    for number, filled in enumerate(path for path in SITE if any(place in path for place in places)):
        for text in ((texts * 2)[3 * number % len(texts) :])[:3]:
            path = filled
            for place in places:
                path = path.replace(place, f"/{text}/")
            answer = everybody.get(path)
            if answer.status_code >= 500:
                broken.append((path[:80], answer.status_code))
    assert broken == []


# JSON

BODIES: list[tuple[str, bytes, str]] = [
    ("deep arrays", b"[" * 100_000 + b"]" * 100_000, "application/json"),
    ("deep objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/json"),
    ("invalid UTF-8", b'{"name": "\xff\xfe"}', "application/json"),
    ("a lone surrogate", b'{"name": "\\ud800"}', "application/json"),
    ("infinity", b'{"name": 1e999}', "application/json"),
    ("no number", b'{"name": NaN}', "application/json"),
    ("a long number", b'{"name": ' + b"9" * 5000 + b"}", "application/json"),
    ("another charset", '{"name": "x"}'.encode("utf-16"), "application/json; charset=utf-16"),
    ("a charset that is none", b"{\xe9}", "application/json; charset=nonsense"),
    ("three megabytes", b'{"name": "' + b"x" * 3_000_000 + b'"}', "application/json"),
    ("the same name twice", b'{"name": 1, "name": 2}', "application/json"),
    ("a name of the language", b'{"__proto__": {"x": 1}, "__class__": "x"}', "application/json"),
    ("a form", b"name=x", "application/x-www-form-urlencoded"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("why", "body", "kind"), BODIES, ids=[each[0] for each in BODIES])
def test_no_call_breaks_on_a_body(
    studio: Organization, studio_app: OAuthApp, why: str, body: bytes, kind: str
) -> None:
    with world_of_examples(studio=studio, app=studio_app) as clients:
        before = list(Claim.objects.values())
        for path, method, operation in operations():
            if "requestBody" not in operation or path.startswith("/oauth/"):  # those take forms
                continue
            url = path
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    value = next(iter(parameter["examples"].values()))["value"]
                    url = url.replace(f"{{{parameter['name']}}}", str(value))
            answer = clients[caller_of(path)].generic(method.upper(), url, body, content_type=kind)
            # A plan tells of every problem of a file, and changes nothing.
            is_plan = path.endswith("/plan") and answer.status_code == 200
            refused = answer.status_code in (400, 401, 413, 415, 422)
            assert refused or (is_plan and answer.json()["data"]["problems"]), (path, answer.content[:200])
        assert list(Claim.objects.values()) == before


# Markup

PAYLOADS = [
    # Out of an element, an attribute in double quotes, one in single quotes; as long as a name may be.
    "</title><script>a()</script>\"><img src=x onerror=a()>'><svg/onload=a()>",
    "{{7*7}}{% debug %}{x.__class__}%s%(x)s",
]


class Hostile(HTMLParser):
    """Notes what a browser would run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.found += [f"<{tag} {name}>" for name in values if name.startswith("on") or name == "style"]
        self.found += [
            f"<{tag} {name}={value}>"
            for name, value in values.items()
            if (value or "").strip().lower().startswith(("javascript:", "data:text", "vbscript:"))
        ]
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append("<script>")
        if tag == "style":
            self.found.append("<style>")


def written_everywhere(payload: str) -> Belongings:
    """An organization with `payload` in every text that it, its viewers and its server have written."""
    own = Belongings("own")
    own.organization.name = own.reward.name = own.campaign.name = payload[:80]
    own.app.name = own.category.name = payload[:80]
    own.reward.external_id = payload
    for row in (own.organization, own.reward, own.campaign, own.app, own.category):
        row.save()
    Claim.objects.update(external_status=payload[:64], external_id=payload)
    Claim.objects.filter(pk=own.claim.pk).update(game_account_id=payload)
    Delivery.objects.update(body=json.dumps({"x": payload}).encode())
    Attempt.objects.update(
        error=payload,
        response_headers={payload: payload},
        request_headers={"X": payload},
        response_body=payload.encode(),
    )
    factories.GameLinkFactory(
        viewer=own.viewer,
        organization=own.organization,
        app=own.app,
        game_account_name=payload,
        game_account_id=payload,
    )
    channel = factories.ChannelFactory(owner=own.owner, description=payload)
    factories.LivestreamFactory(channel=channel, category=own.category, title=payload)
    return own


@pytest.mark.django_db
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_page_runs_what_somebody_wrote(payload: str) -> None:
    own = written_everywhere(payload)
    own.owner.is_staff = own.owner.is_superuser = True
    own.owner.save()
    owner, viewer = sign_in(Client(), own.owner), sign_in(Client(), own.viewer)
    pages = [address.of(own) for address in dashboard_addresses()]
    pages += [f"{admin}{pk}/change/" for admin, pk in of_operators(own)]
    visits = [(owner, path) for path in pages]
    visits += [(viewer, path) for path in of_viewers(own)]
    seen = 0
    for browser, path in visits:
        answer = browser.get(path)
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        page = answer.content.decode()
        assert Hostile(page).found == [], path
        seen += escape(payload[:20]) in page  # as text, and as it was written
    assert seen > 20


def of_operators(own: Belongings) -> list[tuple[str, Any]]:
    return [
        ("/admin/accounts/organization/", own.organization.pk),
        ("/admin/accounts/oauthapp/", own.app.pk),
        ("/admin/drops/category/", own.category.pk),
        ("/admin/drops/campaign/", own.campaign.pk),
        ("/admin/fulfillment/claim/", own.claim.pk),
        ("/admin/fulfillment/delivery/", own.delivery.pk),
    ]


def of_viewers(own: Belongings) -> list[str]:
    channel = Channel.objects.get(owner=own.owner)
    return [
        "/",
        "/campaigns/",
        f"/campaigns/{own.campaign.pk}/",
        "/channels/",
        f"/channels/{channel.slug}/",
        "/inventory/",
        "/settings/watch-history/",
        "/settings/connections/",
        f"/settings/connections/{own.organization.pk}/unlink/",
        "/campaigns/?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/accounts/login/?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ]


def test_the_check_sees_what_runs() -> None:
    for page in (
        "<script>x</script>",
        "<a onclick=x>",
        "<a href=' JavaScript:x'>",
        "<p style=x>",
        "<svg/onload=x>",
    ):
        assert Hostile(page).found, page
    assert Hostile('<script src="/static/x.js"></script><a href="/">on</a>').found == []


@pytest.mark.parametrize("field", ["url", "connect_url"])
@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "JAVASCRIPT://x%0aalert(1)", "vbscript:x"]
)
def test_no_address_runs_anything(
    owner_client: Client, studio: Organization, field: str, address: str
) -> None:
    before = getattr(studio, field)
    page = owner_client.get("/dashboard/settings/").context["form"]
    form = {name: value or "" for name, value in page.initial.items()} | {field: address}
    owner_client.post("/dashboard/settings/", form | {"active_organization": studio.pk})
    studio.refresh_from_db()
    assert getattr(studio, field) == before


def test_a_name_with_a_break_adds_no_header_to_a_mail(db: None) -> None:
    """Of an organization from before names were one line."""
    own = Belongings("own")
    own.organization.name = "Own\r\nBcc: everybody@example.com\r\n\r\nHello"
    own.organization.save()
    EmailAddress.objects.create(user=own.viewer, email="viewer@example.com", verified=True, primary=True)
    write(INVITED, about=own.invitation, once="", now=NOW, addresses=["viewer@example.com"])
    send_notices()
    (message,) = mail.outbox
    assert message.recipients() == ["viewer@example.com"]
    assert message.subject.count("\n") == 0
    assert "Bcc" in message.subject
    assert "\nBcc:" not in message.message().as_string().partition("\n\n")[0]

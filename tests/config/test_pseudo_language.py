"""Whatever people read can be translated: pages, forms, refusals and mails in a language made of brackets."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.utils import translation

from accounts.audit_words import ACTIONS, CODES, NAMES
from accounts.dashboard import site
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain.invitations import INVITED
from accounts.domain.notices.writing import write
from accounts.models import (
    ApiCall,
    ApplicationStep,
    AuditEvent,
    FactorReset,
    Notice,
    OAuthApp,
    Organization,
    OrganizationChange,
    Proposal,
    User,
)
from config.api.schema import document
from drops.domain.campaigns.promises import begin_logs
from drops.models import Campaign, Category, Channel, Livestream, Reward
from fulfillment.domain.delivery import endpoints, notices
from fulfillment.models import ChatWebhook, Claim, ClaimStatusChange, EndpointNotice, NoticeKind
from fulfillment.outbound import client as outbound
from tests import factories
from tests.api import authorize_path
from tests.dashboard import form_data, sign_in
from tests.factories import NOW
from tests.isolation.pages import addresses
from tests.isolation.world import Belongings
from tests.mails import send_notices
from tests.pseudo_language import LANGUAGE, compiled, extracted, unmarked, unmarked_in_page

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not here."),
]
TEMPLATES = settings.BASE_DIR / "templates"
# Django's admin has these in its templates and icons without a mark.
DJANGOS_OWN = {"Search", "True", "False"}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make messages` extracts."""
    return extracted(tmp_path_factory.mktemp("messages"))


@pytest.fixture(scope="module")
def locale(catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(catalogue, tmp_path_factory.mktemp("locale"))


@pytest.fixture
def _spoken(locale: Path) -> Iterator[None]:
    languages = [(LANGUAGE, "Brackets"), ("en", "English")]
    with (
        override_settings(LANGUAGE_CODE=LANGUAGE, LANGUAGES=languages, LOCALE_PATHS=[locale]),
        time_machine.travel(NOW, tick=False),
    ):
        yield


# The columns of names and of what people wrote. Whatever else the database holds is read in words of ours.
NAMED: dict[type[Model], tuple[str, ...]] = {
    ApiCall: ("method", "path", "request_id", "error"),
    ApplicationStep: ("text",),
    Campaign: ("name",),
    Category: ("name", "slug"),
    Channel: ("slug", "description"),
    ChatWebhook: ("name",),
    Claim: ("external_id", "external_status"),
    ClaimStatusChange: ("old", "new"),
    Livestream: ("title",),
    OAuthApp: ("name", "client_id"),
    Organization: ("name", "slug", "requested_categories"),
    OrganizationChange: ("name",),
    Proposal: ("target_name",),
    Reward: ("name", "external_id"),
    User: ("username",),
}


@pytest.fixture
def own(_spoken: None) -> Belongings:
    """Something of everything. Its names are figures, so that each letter that is read is a word of ours."""
    own = Belongings("own")
    factories.LivestreamFactory(channel=factories.ChannelFactory(owner=own.owner), category=own.category)
    factories.GameLinkFactory(viewer=own.owner, organization=own.organization, app=own.app)
    factories.ProgressFactory(campaign=own.campaign, viewer=own.owner)
    own.event.delete()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            at=NOW,
            organization=own.organization,
            actor=own.owner,
            action=action,
            target_type="drops.reward",
            target_id=own.reward.pk,
            data=dict.fromkeys(NAMES, 1),
        )
        for action in ACTIONS
    )
    for model, fields in NAMED.items():
        for number, pk in enumerate(model._default_manager.values_list("pk", flat=True)):
            model._default_manager.filter(pk=pk).update(**dict.fromkeys(fields, f"701-{number}"))
    for each in vars(own).values():
        if isinstance(each, Model) and each.pk:
            each.refresh_from_db()
    return own


class Reader:
    """Opens pages, and keeps what has no brackets with the page where it was read first."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.found: dict[str, str] = {}

    def get(self, url: str) -> Any:
        return self._read(self.client.get(url, follow=True), url)

    def post(self, url: str, data: dict[str, Any]) -> Any:
        return self._read(self.client.post(url, data, follow=True), f"POST {url}")

    def _read(self, response: Any, where: str) -> Any:
        assert response.status_code < 500, where
        if response.headers["Content-Type"].startswith("text/html") and not response.streaming:
            for text in unmarked_in_page(response.content.decode()):
                self.found.setdefault(text, where)
        return response


@pytest.fixture
def reader(client: Client) -> Reader:
    return Reader(client)


def test_every_page_of_the_dashboard(reader: Reader, own: Belongings) -> None:
    sign_in(reader.client, own.owner)
    for address in addresses():
        reader.get(address.of(own))
    assert reader.found == {}


def test_what_the_dashboard_does_and_refuses(reader: Reader, own: Belongings) -> None:
    """Forms as they are drawn, with absurd values, and empty; then every button."""
    sign_in(reader.client, own.owner)
    for model_admin in site.admins():
        for url in (model_admin.url("add"), model_admin.url_of(own.of(model_admin.model))):
            answer = reader.get(url)
            if answer.status_code != 200 or "adminform" not in (answer.context or ()):
                continue
            data, _ = form_data(reader.client, url)
            kept = {name: value for name, value in data.items() if name == FORM_FIELD or "_FORMS" in name}
            reader.post(url, data)
            reader.post(url, dict.fromkeys(data, "\N{SNOWMAN}:") | kept)
            reader.post(url, kept)
        for verb in (*(each.name for each in model_admin.verbs), "delete"):
            pk = quote(own.of(model_admin.model).pk)
            reader.post(f"/dashboard/{model_admin.route}/{pk}/{verb}/", {**confirmed(own), "post": "yes"})
    for page in ("settings/", "viewers/?user_id=0", f"webhooks/{own.endpoint.pk}/resend/", "register/"):
        reader.post(f"/dashboard/{page}", confirmed(own))
    assert reader.found == {}


def confirmed(own: Belongings) -> dict[str, Any]:
    return {FORM_FIELD: own.organization.pk}


VIEWERS_PAGES = [
    "/",
    "/campaigns/",
    "/campaigns/?q=701&category=701-0",
    "/campaigns/?shelf=ended",
    "/channels/",
    "/inventory/",
    "/settings/",
    "/settings/connections/",
    "/settings/delete/",
    "/settings/watch-history/",
    "/settings/channel/",
    "/settings/organizations/",
    "/settings/second-factor/",
    "/accounts/sessions/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/password/set/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-nothing/",
    "/accounts/password/reset/key/done/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/inactive/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/nothing/",
    "/accounts/reauthenticate/",
    "/accounts/2fa/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/totp/deactivate/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/3rdparty/",
    "/accounts/3rdparty/login/cancelled/",
    "/accounts/3rdparty/login/error/",
    "/accounts/3rdparty/signup/",
    "/dashboard/register/",
    "/developers/api/",
    "/nothing/",
]


@pytest.mark.parametrize("who", ["nobody", "a viewer", "an owner"])
def test_every_page_of_a_viewer(reader: Reader, own: Belongings, who: str) -> None:
    begin_logs(now=NOW)
    if who == "a viewer":
        reader.client.force_login(factories.UserFactory(username="701", email=""))
    if who == "an owner":
        sign_in(reader.client, own.owner)
    pages = [
        *VIEWERS_PAGES,
        *(f"/channels/{slug}/" for slug in Channel.objects.values_list("slug", flat=True)),
        f"/campaigns/{own.campaign.pk}/",
        f"/campaigns/{own.campaign.pk}/promises/",
        f"/settings/connections/{own.organization.pk}/unlink/",
        authorize_path(own.app),
        f"/oauth/authorize?client_id={own.app.client_id}",
    ]
    for page in pages:
        reader.get(page)
        reader.post(page, {})
    claim = {"campaign": own.campaign.pk, "reward": own.reward.pk}
    for page in ("/inventory/claim/", "/settings/channel/stream/", "/settings/channel/drops/"):
        reader.post(page, claim)
    for page in (f"/settings/organizations/{own.organization.pk}/leave/", "/accounts/logout/"):
        reader.get(page)
        reader.post(page, {})
    assert reader.found == {}


def test_every_page_of_the_operators(reader: Reader, own: Belongings) -> None:
    sign_in(reader.client, factories.UserFactory(username="701", email="", is_staff=True, is_superuser=True))
    reader.get("/admin/")
    for model, model_admin in admin.site._registry.items():
        url = f"/admin/{model._meta.label_lower.replace('.', '/')}/"
        chosen = model._default_manager.first()
        pages = ["", "?q=701", "?page=9", "add/"]
        if chosen is not None:
            pages += [f"{quote(chosen.pk)}/change/", f"{quote(chosen.pk)}/history/"]
        for page in pages:
            reader.get(url + page)
            reader.post(url + page, {})
        for action in model_admin.actions:
            reader.post(url, {"action": action, "_selected_action": [chosen.pk] if chosen else []})
    assert reader.found.keys() <= DJANGOS_OWN, reader.found


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_every_page_of_an_error(rf: RequestFactory, own: Belongings, template: str) -> None:
    request = rf.get("/")
    request.user, request.session = own.owner, {}  # type: ignore[assignment]
    assert unmarked_in_page(render_to_string(template, {}, request)) == []


MAILS = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*mail/*.txt"))


@pytest.mark.parametrize("template", MAILS)
def test_every_mail(own: Belongings, template: str) -> None:
    trouble = EndpointNotice(kind=NoticeKind.HELD, failing_since=NOW, released_at=NOW)
    values = {
        "user": own.owner,
        "invitation": own.invitation,
        "change": own.change,
        "organization": own.organization,
        "step": own.step,
        "endpoint": own.endpoint,
        "proposal": own.proposal,
        "act": CODES["act"][own.proposal.act],
        "trouble": trouble,
        "reset": FactorReset(user=own.owner, asked_by=own.owner, reason=own.organization.name),
        "notice": Notice(user=own.owner, organization=own.organization),
        "kind": notices.ENDPOINT_TROUBLE,
        "campaign": own.campaign,
        "chat": own.chat,
        "path": own.campaign.pk,
        **dict.fromkeys(("viewers", "minutes", "reached", "claims", "applications", "changes"), 2),
        "off_url": own.organization.url,
        "reason": own.organization.name,
        "subject": notices.SUBJECTS[NoticeKind.HELD],
        "what_now": notices.WHAT_NOW[NoticeKind.HELD],
    }
    said = render_to_string(template, values)
    assert unmarked(said) == ""
    assert "⟦" in said or "base" in template


def test_a_mail_of_a_task_is_in_the_language_of_the_site(own: Belongings, mailoutbox: list[Any]) -> None:
    """Whoever speaks what: a task may run inside the request that called for it."""
    trouble = EndpointNotice.objects.create(
        endpoint=own.endpoint, kind=NoticeKind.RECOVERED, failing_since=NOW, created_at=NOW
    )
    write(INVITED, about=own.invitation, once="", now=NOW, addresses=[own.invitation.invited])
    write(
        notices.ENDPOINT_TROUBLE,
        about=trouble,
        once="",
        now=NOW,
        organization=own.organization,
        people=[own.owner],
    )
    with translation.override("en"):
        send_notices(NOW)
    assert len(mailoutbox) == 2
    for mail in mailoutbox:
        assert unmarked(mail.subject) == unmarked(mail.body) == ""


def test_what_is_stored_of_an_attempt_is_english_whoever_caused_it(own: Belongings, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    refused = "http://10.0.0.1/hooks"
    assert (
        outbound.post(url=refused, headers={}, body=b"", timeout=1).error
        == "The URL must start with https://."
    )
    with pytest.raises(ValidationError, match="⟦The URL must start with") as refusal:
        endpoints.change_endpoint(endpoint=own.endpoint, url=refused, actor=own.owner, now=NOW)
    assert unmarked(refusal.value.messages[0]) == ""


def test_what_programs_and_their_developers_read_is_english(client: Client, own: Belongings) -> None:
    document.cache_clear()
    try:
        assert "⟦" not in json.dumps(document(), ensure_ascii=False)
    finally:
        document.cache_clear()
    for path in (
        "/public/v1/drops/claims",
        "/api/v1/drops/campaigns",
        "/api/v2/channels/nothing",
    ):
        assert "⟦" not in client.get(path).content.decode(), path


def test_a_translator_can_put_what_stands_in_a_text_where_it_belongs(catalogue: Path) -> None:
    """By its name: `%s` says nothing, and two of them cannot change places."""
    texts = re.sub(r'"\n"', "", catalogue.read_text())
    assert re.findall(r'msgid(?:_plural)? ".*(?<!%)%[^(%\s].*"', texts) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>⟦Hello⟧ 7</p>", []),
        ("<p>⟦Hello⟧ world</p>", ["world"]),
        ('<p title="A word">⟦Hello⟧</p>', ["A word"]),
        ('<b data-failed="It failed.">7</b>', ["It failed."]),
        ("<p>Drops, 12:00 UTC, <code>POST</code> https://drops.example/a user.renamed</p>", []),
        ("<pre>code <b>code</b></pre><p>word</p>", ["word"]),
    ],
)
def test_words_without_brackets_are_seen(html: str, found: list[str]) -> None:
    assert unmarked_in_page(html) == found

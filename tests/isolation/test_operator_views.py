"""An operator who looks at an organization's dashboard as a member sees it alone and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from accounts.dashboard.kit import access, masking
from accounts.dashboard.kit.access import FORM_FIELD
from accounts.domain.permissions import ROLES
from accounts.models import AuditEvent, MemberRole, OperatorView, User
from accounts.tasks import note_ended_views
from tests import factories
from tests.dashboard import sign_in, words
from tests.factories import NOW
from tests.isolation.pages import Address, addresses
from tests.isolation.test_dashboard import everything_of, text_of
from tests.isolation.test_roles import needs
from tests.isolation.world import MARKER, Belongings

ADDRESSES = addresses()
SEEN = "You see the dashboard of"


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def begin(operator: User, own: Belongings, role: str = "owner") -> Client:
    desk = sign_in(Client(), operator)
    sent = {"decided": "yes", "reason": "They asked for help", "role": role}
    answer = desk.post(f"/admin/accounts/organization/{own.organization.pk}/view-as/", sent)
    assert answer.headers["Location"] == "/dashboard/"
    return desk


@pytest.fixture(params=[MemberRole.OWNER, MemberRole.ANALYST])
def role(request: pytest.FixtureRequest) -> MemberRole:
    return MemberRole(request.param)


@pytest.fixture
def viewing(operator: User, own: Belongings, rival: Belongings, role: MemberRole) -> Client:
    return begin(operator, own, role)


def test_each_page_is_that_of_the_role(viewing: Client, own: Belongings, role: MemberRole) -> None:
    for address in ADDRESSES:
        check_page(viewing, own, role, address)


def check_page(viewing: Client, own: Belongings, role: MemberRole, address: Address) -> None:
    url = address.of(own)
    needed = needs(address).get
    hidden = access.HIDDEN_FROM_OPERATORS
    page = viewing.get(url, {"redirect_uris": "https://a.example/b"} if "advice" in url else {})
    allowed = needed is not None and needed in ROLES[role] - hidden
    # A row may refuse for itself, as a published campaign is not deleted.
    by_row = page.status_code == 403 and url.endswith("/delete/")
    assert (page.status_code in (200, 302)) is allowed or by_row, (url, page.status_code, needed)
    text = text_of(page)
    assert MARKER not in text, url
    assert f"{own.word}@" not in text, url
    if page.status_code == 200 and text.lstrip().lower().startswith("<!doctype"):
        assert SEEN in text, url
        assert f"/admin/accounts/organization/{own.organization.pk}/leave/" in text, url


def test_whatever_is_sent_is_refused(viewing: Client, own: Belongings) -> None:
    before = everything_of(own)
    sent = {FORM_FIELD: str(own.organization.pk), "name": "changed", "decided": "yes"}
    for address in ADDRESSES:
        assert viewing.post(address.of(own), sent).status_code == 403, address.route
    assert everything_of(own) == before


def test_nothing_of_another_organization_is_there(viewing: Client, rival: Belongings) -> None:
    for address in ADDRESSES:
        if address.model is not None:
            assert viewing.get(address.of(rival)).status_code in (403, 404), address.route


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_no_method_is_forgotten(viewing: Client, method: str) -> None:
    assert getattr(viewing, method)("/dashboard/settings/").status_code == 403


def test_pages_outside_the_gate_refuse_too(viewing: Client, own: Belongings) -> None:
    assert viewing.post("/dashboard/switch/", {"organization": own.organization.slug}).status_code == 403
    assert viewing.post("/dashboard/register/", {"name": "Mine"}).status_code == 403


def test_mail_addresses_are_masked_in_pages_and_files(operator: User, own: Belongings) -> None:
    desk = begin(operator, own)
    for url in ("/dashboard/settings/", "/dashboard/invitations/", "/dashboard/invitations/export.csv"):
        text = text_of(desk.get(url))
        assert "(hidden)" in text
        assert f"{own.word}@" not in text


@pytest.mark.parametrize(
    "address",
    [
        "o'brien@firm.example",
        "ann!home@firm.example",
        "ann@f\xefrm.example",
        "ann@[192.0.2.7]",
        "ann@localhost",
    ],
)
def test_no_mail_address_is_too_strange_to_be_masked(operator: User, own: Belongings, address: str) -> None:
    own.organization.contact_email = address
    own.organization.full_clean()
    own.organization.save()
    page = text_of(begin(operator, own).get("/dashboard/settings/"))
    name, _at, domain = escape(address).rpartition("@")
    assert domain not in page.replace(f"//{domain}", "")
    assert name not in page or name == "ann"
    assert "ann@" not in page


def test_the_addresses_of_one_line_are_all_masked() -> None:
    line = b"a@b.example;c@d.example,e&#64;f.example"
    hidden = masking.HIDDEN
    assert masking.ADDRESS.sub(hidden, line) == hidden + hidden + b"," + hidden


def test_the_query_of_an_endpoint_is_hidden(operator: User, own: Belongings) -> None:
    own.endpoint.url += "?key=s3cr3t"
    own.endpoint.save()
    desk = begin(operator, own)
    for url in ("/dashboard/webhooks/", f"/dashboard/webhooks/{own.endpoint.pk}/change/"):
        assert "s3cr3t" not in text_of(desk.get(url))


def test_it_ends_when_the_operator_leaves_and_the_organization_reads_both(
    operator: User, own: Belongings
) -> None:
    desk = begin(operator, own, "support")
    assert SEEN in text_of(desk.get("/dashboard/"))
    desk.post(f"/admin/accounts/organization/{own.organization.pk}/leave/")
    assert SEEN not in text_of(desk.get("/dashboard/", follow=True))
    log = words(sign_in(Client(), own.owner).get("/dashboard/audit-log/"))
    assert "An operator looked at the dashboard" in log
    assert "An operator stopped looking at the dashboard" in log
    began = AuditEvent.objects.get(action="organization.view_began")
    assert (began.actor, began.organization) == (operator, own.organization)
    assert began.data["explanation"] == "They asked for help"
    assert began.data["role"] == "support"
    desk.post(f"/admin/accounts/organization/{own.organization.pk}/leave/")
    assert AuditEvent.objects.filter(action="organization.view_ended").count() == 1


def test_after_half_an_hour_it_is_over(operator: User, own: Belongings, time_machine: Any) -> None:
    desk = begin(operator, own)
    time_machine.move_to(NOW + timedelta(minutes=29, seconds=59), tick=False)
    assert SEEN in text_of(desk.get("/dashboard/"))
    assert note_ended_views() == 0
    time_machine.move_to(NOW + timedelta(minutes=30), tick=False)
    assert SEEN not in text_of(desk.get("/dashboard/", follow=True))
    assert note_ended_views() == 1
    assert note_ended_views() == 0
    ended = AuditEvent.objects.get(action="organization.view_ended")
    assert ended.at == NOW + timedelta(minutes=30)


def test_who_is_no_operator_any_more_looks_no_longer(operator: User, own: Belongings) -> None:
    desk = begin(operator, own)
    User.objects.filter(pk=operator.pk).update(is_staff=False)
    assert SEEN not in text_of(desk.get("/dashboard/", follow=True))


def test_another_organization_ends_the_one_before(operator: User, own: Belongings, rival: Belongings) -> None:
    desk = begin(operator, own)
    sent = {"decided": "yes", "reason": "And they", "role": "owner"}
    desk.post(f"/admin/accounts/organization/{rival.organization.pk}/view-as/", sent)
    assert OperatorView.objects.get(ended_at=None).organization == rival.organization
    assert AuditEvent.objects.filter(action="organization.view_ended").count() == 1


def test_nobody_else_comes_in_by_it(operator: User, own: Belongings, stranger: User) -> None:
    begin(operator, own)
    view = OperatorView.objects.get()
    for person in (stranger, factories.UserFactory(is_staff=True)):
        browser = sign_in(Client(), person)
        session = browser.session
        session["viewing_as"] = view.pk
        session.save()
        assert SEEN not in text_of(browser.get("/dashboard/", follow=True))


@pytest.mark.parametrize("sent", [{}, {"role": "king"}, {"reason": ""}])
def test_a_role_and_a_reason_are_needed(operator: User, own: Belongings, sent: dict[str, str]) -> None:
    desk = sign_in(Client(), operator)
    body = {"decided": "yes", "reason": "Help", **({"role": "owner"} if sent else {}), **sent}
    page = desk.post(f"/admin/accounts/organization/{own.organization.pk}/view-as/", body)
    assert page.status_code == 200
    assert not OperatorView.objects.exists()

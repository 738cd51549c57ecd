"""One table of rights, and nobody who answers beside it."""

from __future__ import annotations

import ast
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied

from accounts.domain import apps, organizations, permissions
from accounts.domain.permissions import CHANGING, LOOKING, Action
from accounts.models import MemberRole, OAuthApp, Organization, OrganizationState, User
from tests import factories


def test_every_role_and_every_state_has_its_row() -> None:
    assert set(permissions.ROLES) == set(MemberRole)
    assert set(permissions.STATES) == set(OrganizationState)
    assert permissions.ROLES[MemberRole.OWNER] >= LOOKING | CHANGING
    assert not permissions.ROLES[MemberRole.MEMBER] & CHANGING
    assert not permissions.STATES[OrganizationState.SUSPENDED] & CHANGING


@pytest.mark.parametrize("action", sorted(CHANGING))
def test_a_member_is_refused_what_an_owner_may(
    studio: Organization, owner: User, member: User, rival_owner: User, action: Action
) -> None:
    permissions.require(actor=owner, organization=studio, action=action)
    for stranger in (member, rival_owner):
        with pytest.raises(PermissionDenied, match="role"):
            permissions.require(actor=stranger, organization=studio, action=action)


def test_an_organization_that_waits_prepares_what_reaches_nobody(
    studio: Organization, owner: User, now: datetime
) -> None:
    Organization.objects.filter(pk=studio.pk).update(approved_at=None)
    for action in (
        Action.CHANGE_CAMPAIGNS,
        Action.CHANGE_REWARDS,
        Action.CHANGE_APPS,
        Action.CHANGE_ENDPOINTS,
    ):
        permissions.require(actor=owner, organization=studio, action=action)
    for action in (Action.SEND_TEST_EVENTS, Action.RESEND, Action.CHANGE_MEMBERS):
        with pytest.raises(PermissionDenied, match="is waiting for approval"):
            permissions.require(actor=owner, organization=studio, action=action)


@pytest.mark.parametrize("action", sorted(CHANGING))
def test_a_suspended_organization_changes_nothing(
    studio: Organization, owner: User, operator: User, now: datetime, action: Action
) -> None:
    organizations.suspend_organization(organization=studio, reason="Fraud", now=now, actor=operator)
    with pytest.raises(PermissionDenied, match="suspended"):
        permissions.require(actor=owner, organization=studio, action=action)


def test_a_verb_asks_by_itself(studio: Organization, member: User, now: datetime) -> None:
    """A layer above that forgets to ask changes nothing for somebody without the right."""
    with pytest.raises(PermissionDenied):
        apps.create_app(organization=studio, name="Theirs", redirect_uris=[], now=now, actor=member)
    assert not studio.oauth_apps.exists()


def test_an_app_acts_in_its_own_organization_alone(studio: Organization, rival_app: OAuthApp) -> None:
    with pytest.raises(PermissionDenied):
        permissions.require(actor=rival_app, organization=studio, action=Action.CHANGE_CAMPAIGNS)


def test_operators_operate_and_superusers_appoint() -> None:
    clerk = factories.UserFactory.build(is_staff=True)
    chief = factories.UserFactory.build(is_staff=True, is_superuser=True)
    gone = factories.UserFactory.build(is_staff=True, is_superuser=True, is_active=False)
    permissions.require_operator(clerk, Action.OPERATE)
    permissions.require_operator(chief, Action.APPOINT_OPERATORS)
    for user, action in (
        (clerk, Action.APPOINT_OPERATORS),
        (gone, Action.OPERATE),
        (factories.UserFactory.build(), Action.OPERATE),
    ):
        with pytest.raises(PermissionDenied):
            permissions.require_operator(user, action)


@pytest.mark.django_db
@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("suspended", [True, False])
def test_a_state_says_the_same_in_python_and_in_sql(now: datetime, approved: bool, suspended: bool) -> None:
    organization = factories.OrganizationFactory(
        approved_at=now if approved else None, suspended_at=now if suspended else None
    )
    states = [state for state in OrganizationState if Organization.objects.filter(state.of()).exists()]
    assert states == [organization.state]


CODE = [
    path
    for app in ("accounts", "drops", "fulfillment", "config")
    for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py"))
    if "migrations" not in path.parts
]
# Where rights are defined, or set rather than asked.
ANSWERS = {
    "accounts/domain/permissions.py",
    "accounts/models/organizations.py",
}
SETS = {"accounts/domain/users.py", "accounts/domain/standing.py", "accounts/domain/organizations.py"}
ASKED = {"is_staff", "is_superuser", "approved_at", "suspended_at", "has_perm", "has_perms"}
FILTERS = ("role", "is_staff", "is_superuser", "approved_at", "suspended_at")


def _answers(tree: ast.AST) -> list[str]:
    """Comparisons of roles, and conditions on what makes somebody an operator or an organization active."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.IfExp | ast.If | ast.BoolOp):
            tests = [node.test] if isinstance(node, ast.IfExp | ast.If) else [node]
            for test in tests:
                found += [
                    f"{each.lineno}: {ast.unparse(test)}"
                    for each in ast.walk(test)
                    if isinstance(each, ast.Attribute)
                    and (each.attr in ASKED or ast.unparse(each).startswith("MemberRole."))
                ]
        if isinstance(node, ast.keyword) and node.arg:
            *way, name = node.arg.removesuffix("__isnull").removesuffix("__in").split("__")
            if name in FILTERS and (way or node.arg.endswith("__isnull")):
                found.append(f"{node.value.lineno}: {node.arg}")
    return found


def test_nobody_else_answers_who_may() -> None:
    elsewhere = {}
    for path in CODE:
        name = str(path.relative_to(settings.BASE_DIR))
        if name not in ANSWERS | SETS and (found := _answers(ast.parse(path.read_text()))):
            elsewhere[name] = found
    # Watch time of the past asks for a moment, not for now: when was it approved, since when is it suspended?
    elsewhere.pop("drops/domain/watch/epochs.py")
    assert elsewhere == {}


@pytest.mark.parametrize(
    "answer",
    [
        "if membership.role == MemberRole.OWNER: pass",
        "x = 1 if user.is_staff else 2",
        "Organization.objects.filter(approved_at__isnull=False)",
        "Campaign.objects.filter(organization__suspended_at=None)",
        "Membership.objects.filter(memberships__role='owner')",
    ],
)
def test_the_walk_would_find_one(answer: str) -> None:
    assert _answers(ast.parse(answer))

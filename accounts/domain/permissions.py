"""Who may do what: the one table that dashboard, API, tasks and views ask.

Three kinds of callers have rights in an organization: its members by their role, apps by the scopes of their
token, and the platform's operators. What the organization's own state does not allow, no member may do.
A stranger gets 404 (nothing is there), a member without the right 403.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.domain.audit import Actor
from accounts.models import MemberRole, Membership, OAuthApp, Organization, OrganizationState, User
from config.locks import lock

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from accounts.domain.tokens import Caller


class Action(StrEnum):
    """What somebody may be allowed to do. The value is the name that templates use."""

    SEE_FIGURES = auto()
    SEE_CAMPAIGNS = auto()
    SEE_CLAIMS = auto()  # and deliveries, with the ids of viewers
    SEE_SETUP = auto()  # settings, apps, endpoints with requests and answers; no secret among them
    SEE_MEMBERS = auto()  # and who is invited, and the audit log
    LOOK_UP_VIEWERS = auto()
    TEST = auto()  # take part in campaigns in test mode
    REHEARSE = auto()  # such a campaign, with granted minutes

    SHARE_FIGURES = auto()  # with people who have no account, by a link
    CHANGE_CAMPAIGNS = auto()
    WITHDRAW_CAMPAIGNS = auto()
    CHANGE_REWARDS = auto()
    CHANGE_APPS = auto()
    CHANGE_ENDPOINTS = auto()  # and see the whole URL, in which a secret may be
    SEND_TEST_EVENTS = auto()
    RESEND = auto()  # one claim or delivery
    RESEND_MANY = auto()
    CHANGE_MEMBERS = auto()
    CHANGE_SETTINGS = auto()
    SEE_PROPOSALS = auto()  # one's own, and take them back; all of them with SEE_MEMBERS
    ANSWER_PROPOSALS = auto()  # those of others: the second owner's yes or no

    ACKNOWLEDGE_CLAIMS = auto()
    REPLAY = auto()  # copies of webhooks on a developer's machine
    NAME_GAME_ACCOUNTS = auto()

    # For the whole platform.
    REPORT_STREAMS = auto()
    OPERATE = auto()
    APPOINT_OPERATORS = auto()


LOOKING = frozenset(
    {
        Action.SEE_FIGURES,
        Action.SEE_CAMPAIGNS,
        Action.SEE_CLAIMS,
        Action.SEE_SETUP,
        Action.SEE_MEMBERS,
        Action.LOOK_UP_VIEWERS,
    }
)
CHANGING = frozenset(
    {
        Action.SHARE_FIGURES,
        Action.CHANGE_CAMPAIGNS,
        Action.WITHDRAW_CAMPAIGNS,
        Action.CHANGE_REWARDS,
        Action.CHANGE_APPS,
        Action.CHANGE_ENDPOINTS,
        Action.SEND_TEST_EVENTS,
        Action.REHEARSE,
        Action.RESEND,
        Action.RESEND_MANY,
        Action.CHANGE_MEMBERS,
        Action.CHANGE_SETTINGS,
        Action.ANSWER_PROPOSALS,
    }
)

# What every role sees: no viewer, no address of a server, no colleague.
NUMBERS = frozenset({Action.SEE_FIGURES, Action.SEE_CAMPAIGNS})

ROLES: Mapping[MemberRole, frozenset[Action]] = {
    MemberRole.OWNER: LOOKING | CHANGING | {Action.TEST, Action.SEE_PROPOSALS},
    MemberRole.MANAGER: NUMBERS
    | {
        Action.TEST,
        Action.REHEARSE,
        Action.SHARE_FIGURES,
        Action.CHANGE_CAMPAIGNS,
        Action.WITHDRAW_CAMPAIGNS,
        Action.CHANGE_REWARDS,
        Action.SEE_PROPOSALS,
    },
    MemberRole.DEVELOPER: NUMBERS
    | {
        Action.TEST,
        Action.REHEARSE,
        Action.SEE_CLAIMS,
        Action.SEE_SETUP,
        Action.CHANGE_APPS,
        Action.CHANGE_ENDPOINTS,
        Action.SEND_TEST_EVENTS,
        Action.RESEND,
        Action.RESEND_MANY,
        Action.SEE_PROPOSALS,
    },
    MemberRole.SUPPORT: NUMBERS | {Action.TEST, Action.SEE_CLAIMS, Action.LOOK_UP_VIEWERS, Action.RESEND},
    MemberRole.ANALYST: NUMBERS,
    MemberRole.MEMBER: LOOKING | {Action.TEST},
}
# Members of before there were five roles see everything and change nothing, which none of the five does. They
# keep the role until an owner gives them another; nobody gets it anew.
GIVEN = tuple(role for role in MemberRole if role is not MemberRole.MEMBER)

# What the members of an organization may do in each of its states. One that waits for approval prepares
# everything that reaches nobody: no message leaves, nobody is invited. One that is suspended changes nothing.
STATES: Mapping[OrganizationState, frozenset[Action]] = {
    OrganizationState.WAITING: LOOKING
    | {
        Action.TEST,
        Action.CHANGE_CAMPAIGNS,
        Action.CHANGE_REWARDS,
        Action.CHANGE_APPS,
        Action.CHANGE_ENDPOINTS,
        Action.CHANGE_SETTINGS,
        Action.SEE_PROPOSALS,
        Action.ANSWER_PROPOSALS,
    },
    OrganizationState.ACTIVE: frozenset(Action),
    OrganizationState.SUSPENDED: LOOKING | {Action.TEST, Action.SEE_PROPOSALS},
}

# The scopes of an app's own token. What every app of an organization may do needs none.
DROPS_WRITE = "drops:write"
DROPS_REPLAY = "drops:replay"
PLATFORM = "platform"
APPS: Mapping[str, frozenset[Action]] = {
    "": LOOKING | {Action.RESEND, Action.ACKNOWLEDGE_CLAIMS, Action.NAME_GAME_ACCOUNTS},
    DROPS_REPLAY: frozenset({Action.REPLAY}),
    DROPS_WRITE: frozenset(
        {Action.CHANGE_CAMPAIGNS, Action.WITHDRAW_CAMPAIGNS, Action.CHANGE_REWARDS, Action.REHEARSE}
    ),
}
PLATFORM_APPS: Mapping[str, frozenset[Action]] = {PLATFORM: frozenset({Action.REPORT_STREAMS})}

# Of the platform itself, and of any organization.
OPERATORS = frozenset({Action.OPERATE, Action.WITHDRAW_CAMPAIGNS})
SUPERUSERS = OPERATORS | {Action.APPOINT_OPERATORS}

REFUSED_BY_STATE: Mapping[OrganizationState, _StrPromise] = {
    OrganizationState.WAITING: _(
        "Your organization is waiting for approval. You can already prepare campaigns, apps and endpoints, and "
        "rewards for those of your games that are on the platform. Nothing is sent and nobody is invited yet."
    ),
    OrganizationState.SUSPENDED: _("Your organization is suspended. Nothing in it can be changed."),
}
REFUSED_BY_ROLE = _("Your role does not allow this. Ask an owner of your organization.")


# Members


def roles_with(action: Action) -> list[MemberRole]:
    return [role for role, actions in ROLES.items() if action in actions]


def refuse_not_given(role: MemberRole) -> None:
    """ValidationError for a role that nobody gets any more."""
    if role not in GIVEN:
        raise ValidationError({"role": _("This role is no longer given. Choose another.")})


def rights_of(membership: Membership) -> frozenset[Action]:
    """What a member may do now."""
    return ROLES[MemberRole(membership.role)] & STATES[membership.organization.state]


def state_allows(organization: Organization, action: Action) -> bool:
    return action in STATES[organization.state]


def states_with(action: Action, way: str) -> Q:
    """As a condition: the organization that `way` leads to is in a state that allows `action`."""
    return reduce(or_, (state.of(way) for state, actions in STATES.items() if action in actions))


def refusal_of(membership: Membership | None, action: Action) -> str:
    """Why a member may not do `action`; empty if they may."""
    if membership is None or action not in ROLES[MemberRole(membership.role)]:
        return str(REFUSED_BY_ROLE)
    state = membership.organization.state
    return "" if action in STATES[state] else str(REFUSED_BY_STATE[state])


def organizations_of(user: User, *, who_may: Action) -> QuerySet[Organization]:
    """The organizations in which `user` has a role that allows the action, by name."""
    return Organization.objects.filter(memberships__in=_members(who_may, user=user))


def people_of(organization: Organization, *, who_may: Action) -> QuerySet[User]:
    """The people who can sign in and whose role in `organization` allows the action."""
    return User.objects.filter(is_active=True, memberships__in=_members(who_may, organization=organization))


def only_one_left(user: User, *, who_may: Action) -> list[Organization]:
    """The organizations in which nobody but `user` may do the action."""
    others = _members(who_may).exclude(user=user)
    mine = organizations_of(user, who_may=who_may)
    return list(mine.exclude(pk__in=others.values("organization")))


def _members(action: Action, **which: object) -> QuerySet[Membership]:
    return Membership.objects.filter(role__in=roles_with(action), **which)


# Verbs


def require(*, actor: Actor, organization: Organization | None, action: Action) -> None:
    """PermissionDenied unless `actor` may do `action` in `organization`, None being the platform itself.

    For a person, the organization stays as it is until the transaction ends, and so does who its members
    are: whoever suspends it or removes the person comes after. No actor is the system itself. What the
    scopes of an app's token allow is asked of `require_app` before.
    """
    if actor is None:
        return
    if isinstance(actor, OAuthApp):
        if actor.organization_id != (organization and organization.pk):
            raise PermissionDenied(_("This app belongs to another organization."))
        return
    if organization is None or action in operator_rights(actor):
        require_operator(actor, action if organization else Action.OPERATE)
        return
    locked = lock(organization)
    membership = Membership.objects.filter(organization=organization, user=actor).first()
    if membership is not None:
        membership.organization = locked
    if refusal := refusal_of(membership, action):
        raise PermissionDenied(refusal)


# Apps


def require_app(caller: Caller, action: Action) -> None:
    """PermissionDenied unless the token is an organization's app's own and its scopes allow `action`."""
    if caller.user_id is not None:
        raise PermissionDenied("This needs an app access token (grant type client_credentials).")
    if caller.organization_id is None:
        raise PermissionDenied("This needs an app that belongs to an organization.")
    if not any(action in APPS.get(scope, ()) for scope in ("", *caller.scopes)):
        needed = next(scope for scope, actions in APPS.items() if action in actions)
        raise PermissionDenied(f"This needs the scope {needed}.")


def require_platform_app(caller: Caller, action: Action) -> None:
    """PermissionDenied unless the token is a platform app's own and its scopes allow `action`."""
    held = caller.scopes if caller.is_platform and caller.user_id is None else ()
    if not any(action in PLATFORM_APPS.get(scope, ()) for scope in held):
        needed = next(scope for scope, actions in PLATFORM_APPS.items() if action in actions)
        raise PermissionDenied(f"This needs an app token of the platform with the scope {needed}.")


# Operators


def operator_rights(user: User) -> frozenset[Action]:
    if not (user.is_active and user.is_staff):
        return frozenset()
    return SUPERUSERS if user.is_superuser else OPERATORS


def operators() -> QuerySet[User]:
    """The people whom `operator_rights` gives any."""
    return User.objects.filter(is_active=True, is_staff=True)


def require_operator(user: User, action: Action) -> None:
    if action not in operator_rights(user):
        raise PermissionDenied(
            _("Only a superuser can appoint operators.")
            if action is Action.APPOINT_OPERATORS
            else _("Only operators of the platform may do this.")
        )

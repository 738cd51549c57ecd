from config.ulid import ULIDField, new_ulid, parse_ulid, ulid_parameter, ulid_text

from .applications import ApplicationStep, StepKind
from .audit import OF_VIEWERS, AuditEvent
from .calls import ApiCall, CallKind, StatusClass
from .files import ReplacedFile
from .idempotency import IdempotentCall
from .names import TakenName
from .notices import Notice, NoticeEnd, NoticeSwitch, NoticeTimes, Outgoing
from .oauth import LOOPBACK_HOSTS, AppRemoval, ConnectVisit, Consent, GameLink, OAuthApp, redirect_refusal
from .operators import FactorReset, OperatorView, ResetState
from .organizations import (
    ORGANIZATION_IS_ACTIVE,
    ChangeState,
    Invitation,
    MemberRole,
    Membership,
    Organization,
    OrganizationChange,
    OrganizationState,
)
from .proposals import Proposal, ProposalState
from .users import EmailChange, User

__all__ = [
    "LOOPBACK_HOSTS",
    "OF_VIEWERS",
    "ORGANIZATION_IS_ACTIVE",
    "ApiCall",
    "AppRemoval",
    "ApplicationStep",
    "AuditEvent",
    "CallKind",
    "ChangeState",
    "ConnectVisit",
    "Consent",
    "EmailChange",
    "FactorReset",
    "GameLink",
    "IdempotentCall",
    "Invitation",
    "MemberRole",
    "Membership",
    "Notice",
    "NoticeEnd",
    "NoticeSwitch",
    "NoticeTimes",
    "OAuthApp",
    "OperatorView",
    "Organization",
    "OrganizationChange",
    "OrganizationState",
    "Outgoing",
    "Proposal",
    "ProposalState",
    "ReplacedFile",
    "ResetState",
    "StatusClass",
    "StepKind",
    "TakenName",
    "ULIDField",
    "User",
    "new_ulid",
    "parse_ulid",
    "redirect_refusal",
    "ulid_parameter",
    "ulid_text",
]

from config.ulid import ULIDField, new_ulid, parse_ulid, ulid_parameter, ulid_text

from .audit import OF_VIEWERS, AuditEvent
from .idempotency import IdempotentCall
from .oauth import LOOPBACK_HOSTS, Consent, GameLink, OAuthApp
from .organizations import (
    ORGANIZATION_IS_ACTIVE,
    Invitation,
    MemberRole,
    Membership,
    Organization,
    OrganizationState,
)
from .proposals import Proposal, ProposalState
from .users import EmailChange, User

__all__ = [
    "LOOPBACK_HOSTS",
    "OF_VIEWERS",
    "ORGANIZATION_IS_ACTIVE",
    "AuditEvent",
    "Consent",
    "EmailChange",
    "GameLink",
    "IdempotentCall",
    "Invitation",
    "MemberRole",
    "Membership",
    "OAuthApp",
    "Organization",
    "OrganizationState",
    "Proposal",
    "ProposalState",
    "ULIDField",
    "User",
    "new_ulid",
    "parse_ulid",
    "ulid_parameter",
    "ulid_text",
]

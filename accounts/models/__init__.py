from config.ulid import ULIDField, new_ulid, parse_ulid, ulid_parameter, ulid_text

from .audit import AuditEvent
from .idempotency import IdempotentCall
from .oauth import LOOPBACK_HOSTS, Consent, GameLink, OAuthApp
from .organizations import MemberRole, Membership, Organization
from .users import User

__all__ = [
    "LOOPBACK_HOSTS",
    "AuditEvent",
    "Consent",
    "GameLink",
    "IdempotentCall",
    "MemberRole",
    "Membership",
    "OAuthApp",
    "Organization",
    "ULIDField",
    "User",
    "new_ulid",
    "parse_ulid",
    "ulid_parameter",
    "ulid_text",
]

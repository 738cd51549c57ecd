from .audit import AuditEvent
from .fields import ULIDField, new_ulid, parse_ulid
from .oauth import GameLink, OAuthApp
from .organizations import MemberRole, Membership, Organization
from .users import User

__all__ = [
    "AuditEvent",
    "GameLink",
    "MemberRole",
    "Membership",
    "OAuthApp",
    "Organization",
    "ULIDField",
    "User",
    "new_ulid",
    "parse_ulid",
]

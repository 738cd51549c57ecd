"""What business verbs share: the right to change a row, whether the row lets itself be changed, and the change.

A verb that depends on the state of its row has a `why_not_…(row, now)` beside it, which looks at the row alone and
makes no query. The verb asks it of the locked row. The dashboard asks it before it offers the verb.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.domain import audit, permissions
from accounts.domain.audit import Actor
from accounts.domain.permissions import Action
from config.locks import lock

Row = TypeVar("Row", bound=Model)

# The answer of `why_not_…` where the row is what the verb would make it: there is nothing to do, or to refuse.
ALREADY = "already"
# Of what an operator writes into the audit trail.
MAX_REASON = 500


def goes_ahead(why_not: str) -> bool:
    """Whether a verb has something to do. ValidationError where it is refused."""
    if why_not not in ("", ALREADY):
        raise ValidationError(why_not)
    return not why_not


def lock_for(row: Row, *, actor: Actor, action: Action) -> Row:
    """The row as it is now, locked, for an actor who may do `action` in its organization. PermissionDenied."""
    permissions.require(actor=actor, organization=cast("Any", row).organization, action=action)
    return lock(row)


def change(
    row: Row, event: str, *, by: Actor, at: datetime, data: Mapping[str, Any] | None = None, **values: object
) -> Row:
    """Set the `values` of `row`, save these alone, and write the audit event."""
    for name, value in values.items():
        setattr(row, name, value)
    stamps = [field.name for field in row._meta.fields if getattr(field, "auto_now", False)]
    row.save(update_fields=[*values, *stamps])
    audit.record(event, row, by=by, at=at, data=data)
    return row


def explained(reason: str) -> dict[str, str]:
    """What the audit trail keeps of the reason for an operator's act. ValidationError where there is none."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise ValidationError(
            _("Give a reason of at most %(count)d characters.") % {"count": MAX_REASON}, code="reason"
        )
    return {"explanation": reason}

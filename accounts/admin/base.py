"""The base of all pages of /admin/."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import gate
from accounts.admin_base import CappedPaginator, VerbAdmin
from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def operator(request: HttpRequest) -> User:
    return cast("User", request.user)


def may_operate(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and Action.OPERATE in permissions.operator_rights(request.user)


class OperatorAdmin(VerbAdmin):
    """Read-only unless a subclass opens a verb; changes go through the domain, and are audited there."""

    may_add = may_edit = False
    paginator = CappedPaginator
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_operate(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_operate(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_add and may_operate(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit and may_operate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may run actions, though no form is open."""
        return may_operate(request)

    def before_write(self, request: HttpRequest) -> None:
        """The person and the session as they are now: either may have lost its right since the gate."""
        gate.recheck(request)
        permissions.require_operator(User.objects.get(pk=operator(request).pk), Action.OPERATE)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        self.before_write(request)
        return super().response_action(request, queryset, *args, **kwargs)

    def each(
        self, request: HttpRequest, rows: QuerySet[Any], verb: Callable[[Any], object], done: StrOrPromise
    ) -> None:
        """Run `verb` on each of the chosen rows, and say what came of it."""
        count = 0
        for row in rows:
            try:
                verb(row)
            except ValidationError as refusal:
                messages.error(request, f"{row}: {' '.join(refusal.messages)}")
            else:
                count += 1
        if count:
            messages.success(request, done % {"count": count})

"""The base of all pages of /admin/."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts import gate
from accounts.admin.verbs import MOST_AT_ONCE, OperatorVerb, ask_and_do
from accounts.admin_base import CappedPaginator, VerbAdmin
from accounts.domain import permissions
from accounts.domain.permissions import Action
from accounts.models import User

if TYPE_CHECKING:
    from django.urls import URLPattern
    from django_stubs_ext import StrOrPromise


def operator(request: HttpRequest) -> User:
    return cast("User", request.user)


def may_do(request: HttpRequest, action: Action) -> bool:
    return isinstance(request.user, User) and action in permissions.operator_rights(request.user)


def may_operate(request: HttpRequest) -> bool:
    return may_do(request, Action.OPERATE)


def _on_several(verb: OperatorVerb) -> Callable[..., HttpResponse]:
    """The verb as an action of a list."""

    def act(model_admin: OperatorAdmin, request: HttpRequest, chosen: QuerySet[Any]) -> HttpResponse:
        rows = list(chosen[: MOST_AT_ONCE + 1])
        return ask_and_do(model_admin, request, verb, rows, back=request.get_full_path())

    return act


class OperatorAdmin(VerbAdmin):
    """Read-only unless a subclass opens a verb; changes go through the domain, and are audited there."""

    may_add = may_edit = False
    paginator = CappedPaginator
    show_full_result_count = False
    # Each has a button on the page of a row, and most are actions of the list too.
    verbs: Sequence[OperatorVerb] = ()

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

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered = {
            verb.name: (_on_several(verb), verb.name, verb.label)
            for verb in self.verbs
            if verb.for_lists and may_do(request, verb.action)
        }
        return {**super().get_actions(request), **offered}

    def get_urls(self) -> list[URLPattern]:
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(
                f"<path:object_id>/{verb.name}/",
                self.admin_site.admin_view(self.verb_view),
                {"verb": verb},
                name=f"{prefix}_{verb.name}",
            )
            for verb in self.verbs
        ] + super().get_urls()

    def verb_view(self, request: HttpRequest, object_id: str, verb: OperatorVerb) -> HttpResponse:
        """Ask about one row, and do it."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not may_do(request, verb.action):
            raise PermissionDenied
        return ask_and_do(self, request, verb, [row], back=self.url("change", quote(row.pk)))

    def url(self, view: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{view}", args=args)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row, now = kwargs.get("obj"), timezone.now()
        context["verbs"] = [
            (verb, self.url(verb.name, quote(row.pk)))
            for verb in self.verbs
            if row is not None and may_do(request, verb.action) and not verb.why_not(row, now)
        ]
        return super().render_change_form(request, context, *args, **kwargs)

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

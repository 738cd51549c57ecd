"""The operators' site: Django's own, behind the gate and with our pages alone."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _


class OperatorsSite(AdminSite):
    site_header = site_title = _("Drops operators")
    index_title = _("Platform")
    index_template = "admin/operators_index.html"

    def has_permission(self, request: HttpRequest) -> bool:
        from accounts.admin import may_operate
        from accounts.gate import door

        # Asked for the page and for its frame: one answer for both.
        asked = cast("Any", request)
        if not hasattr(asked, "is_let_in"):
            asked.is_let_in = may_operate(request) and door(request, back="") is None
        return bool(asked.is_let_in)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The front page, with what waits for operators and what this one did last."""
        from accounts.audit_words import action_words
        from accounts.domain import factor_resets
        from accounts.models import (
            AuditEvent,
            ChangeState,
            Organization,
            OrganizationChange,
            OrganizationState,
        )

        waiting = {
            "waiting_organizations": Organization.objects.filter(OrganizationState.WAITING.of()).count(),
            "waiting_changes": OrganizationChange.objects.filter(state=ChangeState.WAITING).count(),
            "waiting_resets": list(factor_resets.waiting(timezone.now())),
        }

        own = AuditEvent.objects.filter(actor=cast("Any", request.user)).select_related("organization")
        recent = [(event, action_words(event.action)) for event in own[:10]]
        return super().index(request, {"recent_events": recent, **waiting, **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One way in for everybody: the site's own sign-in, with its limits, and then the second factor."""
        from accounts.admin import may_operate
        from accounts.gate import door

        if request.user.is_authenticated and not may_operate(request):
            raise PermissionDenied
        back = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
            back = reverse("admin:index")
        return door(request, back=back) or HttpResponseRedirect(back)


class OperatorsAdminConfig(AdminConfig):
    """Django's admin without what other packages put into it: their forms change people's ways to sign
    in, and the platform's apps' tokens, past the domain and its audit trail."""

    default_site = "accounts.admin_site.OperatorsSite"

    def ready(self) -> None:
        super().ready()
        from django.contrib.admin import site

        from accounts.admin import OperatorAdmin

        for model, model_admin in list(site._registry.items()):
            if not isinstance(model_admin, OperatorAdmin):
                site.unregister(model)

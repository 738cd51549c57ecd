"""The categories that an organization chooses from."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.dashboard.kit.access import active_organization
from accounts.dashboard.kit.objects import OrganizationAdmin
from drops.domain.catalogue import categories
from drops.models import Category


class OfCategoryAdmin(OrganizationAdmin):
    """Objects of a category: one that the organization claims, or asks for while it waits for approval."""

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        if db_field.remote_field.model is Category:
            return categories.usable(active_organization(request))
        return super().get_field_queryset(db, db_field, request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The only category there is to choose is chosen already."""
        found = list(categories.usable(active_organization(request))[:2])
        chosen = {"category": found[0].pk} if len(found) == 1 else {}
        return super().get_changeform_initial_data(request) | chosen

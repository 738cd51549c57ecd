"""Every address of the dashboard, found by walking the site itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import URLPattern, URLResolver

from accounts.dashboard import site
from drops.models import Campaign
from fulfillment.models import Delivery, WebhookEndpoint
from tests.isolation.world import Belongings

# Reached by people who are not let in yet: they show nothing of any organization.
OPEN = ("register", "switch")
# Pages with an object in the address that are no model's own.
OBJECT_PAGES: dict[str, type[Model]] = {
    "campaign_copy": Campaign,
    "campaign_export": Campaign,
    "campaign_file": Campaign,
    "campaign_overview": Campaign,
    "delivery_compare": Delivery,
    "endpoint_resend": WebhookEndpoint,
}


class Address(NamedTuple):
    name: str
    route: str
    model: type[Model] | None

    def of(self, belongings: Belongings) -> str:
        pk = quote(belongings.of(self.model).pk) if self.model else ""
        return "/dashboard/" + self.route.replace("<path:object_id>", str(pk))


def _patterns(
    urls: list[URLPattern | URLResolver], prefix: str = "", model: type[Model] | None = None
) -> Iterator[tuple[str, str]]:
    for each in urls:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each.url_patterns, route)
        else:
            yield str(each.name), route


def addresses() -> list[Address]:
    """Every address behind the gate. Fails for one that the suite would not know how to fill."""
    models = {admin.route: admin.model for admin in site.admins()}
    found = []
    for name, route in _patterns(site.get_urls()):
        if name in OPEN or route == "<path:rest>":
            continue
        has_object = "<path:object_id>" in route
        bare = route.replace("<path:object_id>", "")
        assert "<" not in bare, f"Teach the isolation suite how to fill {route}"
        model = OBJECT_PAGES.get(name) or models.get(route.split("/")[0]) if has_object else None
        assert not has_object or model, f"Teach the isolation suite whose object {route} shows"
        found.append(Address(name, route, model))
    return found

"""The owners' site. Models and pages of all apps register here; nothing else is on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django_htmx.http import HttpResponseClientRedirect

from accounts.dashboard.kit import access
from accounts.dashboard.kit.masking import without_mail_addresses
from accounts.dashboard.kit.objects import OrganizationAdmin
from accounts.domain.permissions import Action
from accounts.requests import PageRequest, zone_of
from config import zones

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

View = Callable[..., HttpResponseBase]


class Page(NamedTuple):
    """A page that belongs to no model. `label` and `icon` put it into the navigation at `order`."""

    route: str
    view: View
    name: str
    label: StrOrPromise
    icon: str
    order: int
    action: Action | None = None


class NavigationItem(NamedTuple):
    label: StrOrPromise
    icon: str
    url: str
    current: bool


class DashboardSite(AdminSite):
    site_title = site_header = _("Dashboard")
    site_url = None
    enable_nav_sidebar = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.pages: list[Page] = []
        self.open_pages: list[Page] = []
        # It prints whatever hangs on an object, and asks for no permission on the object itself.
        self.disable_action("delete_selected")

    def page(
        self,
        route: str,
        *,
        name: str,
        action: Action,
        label: StrOrPromise = "",
        icon: str = "",
        order: int = 0,
    ) -> Callable[[View], View]:
        """Register a view as a page for members who may do `action`."""

        def register(view: View) -> View:
            @wraps(view)
            def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                access.require(request, action)
                return view(request, *args, **kwargs)

            self.pages.append(Page(route, guarded, name, label, icon, order, action))
            return view

        return register

    def open_page(self, route: str, *, name: str) -> Callable[[View], View]:
        """Register a view outside the gate. The view guards itself."""

        def register(view: View) -> View:
            self.open_pages.append(Page(route, view, name, "", "", 0))
            return view

        return register

    def admins(self) -> list[OrganizationAdmin]:
        """All registered admins. An admin with another base class stops the start, before it can leak anything."""
        found = list(self._registry.values())
        if foreign := [each for each in found if not isinstance(each, OrganizationAdmin)]:
            raise ImproperlyConfigured(f"{foreign} must be based on OrganizationAdmin.")
        return cast("list[OrganizationAdmin]", found)

    def admin_of(self, model: type[Model]) -> OrganizationAdmin:
        return cast("OrganizationAdmin", self.get_model_admin(model))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        @never_cache
        @csrf_protect
        @wraps(view)
        def enter(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            elsewhere: HttpResponse | None = access.admit(request)
            if elsewhere is not None and request.htmx:
                # The sign-in page must not replace a part of the page, so the whole page goes there.
                return HttpResponseClientRedirect(elsewhere.headers["Location"])
            if elsewhere is not None:
                return elsewhere
            with zones.shown_in(zone_of(request)):
                response: Any = view(request, *args, **kwargs)
                # Drawn here, and not by the handler later: its times are this person's.
                drawn: HttpResponse = response.render() if hasattr(response, "render") else response
                return without_mail_addresses(drawn) if access.viewing(request) else drawn

        return enter

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Only what is registered: no log-in, password or shortcut pages of the stock site."""
        urls: list[URLPattern | URLResolver] = [
            path(page.route, _refusing_writes(page.view), name=page.name) for page in self.open_pages
        ]
        urls += [path(page.route, self.admin_view(page.view), name=page.name) for page in self.pages]
        urls += [path(f"{model_admin.route}/", include(model_admin.urls)) for model_admin in self.admins()]
        # An unknown address is behind the same gate.
        return [*urls, path("<path:rest>", self.admin_view(_not_found))]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        logo = access.active_organization(request).logo
        return {
            **access.context(request),
            "organization_logo": logo.url if logo else "",
            "site_title": self.site_title,
            "has_permission": True,
            "is_popup": False,
            "navigation_items": self.navigation(request),
            "zone_name": zones.name_of(zones.current()),
        }

    def navigation(self, request: HttpRequest) -> list[NavigationItem]:
        entries = [
            (page.order, page.label, page.icon, page.name)
            for page in self.pages
            if page.label and page.action and access.may(request, page.action)
        ]
        for model_admin in self.admins():
            if model_admin.in_navigation and access.may(request, model_admin.see):
                name = f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_changelist"
                entries.append((model_admin.order, model_admin.label, model_admin.icon, name))
        home = reverse(f"{self.name}:index")
        items = []
        for _order, label, icon, name in sorted(entries, key=lambda entry: entry[0]):
            url = reverse(f"{self.name}:{name}")
            current = request.path == url or (url != home and request.path.startswith(url))
            items.append(NavigationItem(label, icon, url, current))
        return items


def _refusing_writes(view: View) -> View:
    """Of an operator who only looks at an organization."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        access.refuse_writes(request)
        return view(request, *args, **kwargs)

    return guarded


def _not_found(request: HttpRequest, rest: str) -> HttpResponse:
    raise Http404


site = DashboardSite(name="dashboard")

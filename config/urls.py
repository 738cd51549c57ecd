"""Every address of the site. Pages end with a slash; the APIs keep their partners' spelling, without.

Apps are named as strings: `config` imports none of them.
"""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.sitemaps.views import sitemap
from django.urls import include, path
from django.utils.module_loading import import_string

from config import views

urlpatterns = [
    path("", import_string("fulfillment.views.home"), name="home"),
    path("favicon.ico", views.favicon),
    path("robots.txt", import_string("drops.views.feeds.robots")),
    path("sitemap.xml", sitemap, {"sitemaps": import_string("drops.views.feeds.SITEMAPS")}, name="sitemap"),
    path("", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("drops.urls")),
    path("", include("fulfillment.urls")),
    path("public/v1/openapi.json", views.api_document, name="openapi"),
    path("developers/api/", views.api_page, name="api_page"),
    path("developers/guide/", views.guide, name="guide"),
    path("", include("accounts.oauth.urls")),
    path("", include("accounts.api.urls")),
    path("", include("drops.api.urls")),
    path("", include("fulfillment.api.urls")),
    path("dashboard/", import_string("accounts.dashboard.site").urls),
    path("admin/figures/", admin.site.admin_view(import_string("fulfillment.admin.figures")), name="figures"),
    path("admin/health/", admin.site.admin_view(import_string("fulfillment.admin.health")), name="health"),
    path("admin/", admin.site.urls),
    # Only while DEBUG is on: otherwise the server in front, or granian, serves uploaded pictures.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]

handler400 = views.bad_request
handler500 = views.server_error

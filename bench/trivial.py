"""The site with two views alone that do nothing: an open one, and one that wants an access token."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config import rsgi

application = rsgi.application

from accounts.api.authentication import TokenView  # noqa: E402
from config.api.envelope import ok  # noqa: E402
from config.api.views import AUTHENTICATED, OPEN, ApiView  # noqa: E402
from config.urls import urlpatterns as site  # noqa: E402


class Open(ApiView):
    needs = OPEN

    def get(self, request: HttpRequest) -> HttpResponse:
        return ok(None)


class Closed(TokenView):
    needs = AUTHENTICATED

    def get(self, request: HttpRequest) -> HttpResponse:
        return ok(None)


# Those of the site follow: its middleware knows some by name.
urlpatterns = [path("api/open", Open.as_view()), path("api/closed", Closed.as_view()), *site]
settings.ROOT_URLCONF = __name__

"""A Django view that does nothing: what the same web server could do at most."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.server import Limit, Server


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("", nothing)]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="noop", LOGGING_CONFIG=None)
application = Server(
    get_wsgi_application(),
    threads=int(os.environ.get("WEB_THREADS", "8")),
    limit_of=lambda *_: Limit(2**20, 30),
)

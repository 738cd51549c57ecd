"""The keys that webhooks are signed with, open to all."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from config.api import ApiView
from config.envelope import answer, ok
from fulfillment.domain import signing


class PublicKeyView(ApiView):
    """The newest published key. Whatever Authorization header comes with the request is not looked at."""

    def get(self, request: Request) -> HttpResponse:
        return ok({"public_key": signing.public_key_pem(timezone.now())})


class JWKSView(ApiView):
    """Every key that may be in use now or soon, as a JSON Web Key Set (RFC 7517)."""

    def get(self, request: Request) -> HttpResponse:
        return answer(signing.jwks(timezone.now()))

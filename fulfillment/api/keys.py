"""The keys that webhooks are signed with, open to all."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from config.api.envelope import answer, ok
from config.api.schema import documented
from config.api.views import OPEN, ApiView
from fulfillment.api.serializers import JWKSSerializer, PublicKeySerializer
from fulfillment.domain.delivery import signing


class PublicKeyView(ApiView):
    """The newest published key. Whatever Authorization header comes with the request is not looked at."""

    needs = OPEN

    @documented(
        "Webhooks",
        "public_key",
        "The key that webhooks are signed with",
        PublicKeySerializer(),
        refusals=(404,),
    )
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        signing.note_fetch(now)
        try:
            return ok({"public_key": signing.public_key_pem(now)})
        except signing.NoSigningKey:
            raise NotFound("No signing key has been made yet.") from None


class JWKSView(ApiView):
    """Every key that may be in use now or soon, as a JSON Web Key Set (RFC 7517)."""

    needs = OPEN

    @documented(
        "Webhooks", "jwks", "Every key that may be in use, as JSON Web Keys", JWKSSerializer, refusals=()
    )
    def get(self, request: Request) -> HttpResponse:
        now = timezone.now()
        signing.note_fetch(now)
        return answer(signing.jwks(now))

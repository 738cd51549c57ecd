"""Sign-in with the platform's own accounts, against a real OpenID Connect provider on loopback."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from joserfc import jwk, jwt

from accounts.models import User

CLIENT_ID = "drops"


class Provider(BaseHTTPRequestHandler):
    """The few endpoints of a provider that a sign-in needs. Any code is good."""

    key = jwk.RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
    claims = {
        "sub": "42",
        "preferred_username": "Ada.Löve-lace",
        "email": "ada@example.com",
        "email_verified": True,
    }

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self.answer(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "jwks_uri": f"{self.issuer}/jwks",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        elif self.path == "/jwks":
            self.answer({"keys": [self.key.as_dict(private=False)]})
        elif self.path == "/userinfo":
            self.answer(self.claims)

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["code_verifier"], "PKCE is used"
        claims = {
            **self.claims,
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        self.answer({"access_token": "token", "token_type": "Bearer", "id_token": id_token})

    def answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def provider(settings):
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [
                    {
                        "provider_id": "platform",
                        "name": "Streamhub",
                        "client_id": CLIENT_ID,
                        "secret": "secret",
                        "settings": {"server_url": f"http://127.0.0.1:{server.server_port}"},
                    }
                ],
            }
        }
        yield server
        server.shutdown()


@pytest.mark.django_db
def test_a_person_of_the_platform_signs_in_and_gets_an_account(client, provider):
    assert b"Streamhub" in client.get(reverse("account_login")).content

    started = client.post(reverse("openid_connect_login", args=["platform"]))
    query = parse_qs(urlsplit(started.url).query)
    assert query["code_challenge_method"] == ["S256"]
    client.get(
        reverse("openid_connect_callback", args=["platform"]), {"code": "any", "state": query["state"][0]}
    )

    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert user.email == "ada@example.com"
    user.full_clean(exclude=["password"])


@pytest.mark.django_db
def test_an_answer_to_a_sign_in_that_nobody_started_is_refused(client, provider):
    client.get(reverse("openid_connect_callback", args=["platform"]), {"code": "any", "state": "made-up"})

    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()

"""A real OpenID Connect provider on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT_ID = "drops"


class Provider(BaseHTTPRequestHandler):
    """The few endpoints of a provider that a sign-in needs. Everybody is signed in there, and any code is good."""

    key = jwk.RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
    claims: ClassVar[dict[str, Any]] = {
        "sub": "42",
        "preferred_username": "Ada.Löve-lace",
        "email": "ada@example.com",
        "email_verified": True,
    }

    @property
    def issuer(self) -> str:
        return "http://{}:{}".format(*self.server.server_address)

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
        elif self.path.startswith("/authorize?"):
            query = parse_qs(urlsplit(self.path).query)
            self.send_response(302)
            answer = urlencode({"code": "any", "state": query["state"][0]})
            self.send_header("Location", f"{query['redirect_uri'][0]}?{answer}")
            self.end_headers()

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["code_verifier"], "PKCE is used"
        claims: ClassVar[dict[str, Any]] = {
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


@contextmanager
def running_provider() -> Iterator[str]:
    """The provider for as long as the block runs; yields its OIDC_SERVER_URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

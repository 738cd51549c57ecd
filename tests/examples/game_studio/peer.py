"""A small Drops on a loopback port: the endpoints that the studio calls, with the checks the real ones make."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

CLIENT = ("studio-app", "studio-secret")


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


class PeerDrops:
    """Its attributes are switches that a test turns, and records that a test reads."""

    def __init__(self) -> None:
        self.url = ""
        self.signing_key = new_key()
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, dict[str, Any] | None] = {}  # token -> its user, None for the studio's own
        self._numbers = count(1)
        self.reset()

    def reset(self) -> None:
        """Be as on the first day for the next test; keys and tokens stay, as they do on the real one."""
        self.viewer: dict[str, Any] = {"user_id": 77, "name": "mika", "email": "", "profile_picture": ""}
        self.denies_consent = False
        self.answers: dict[str, int] = {}  # path -> status to answer with, whatever is asked
        self.unknown_claims: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.links: dict[str, dict[str, str]] = {}
        self.statuses: dict[str, str] = {}
        self.batches: list[int] = []
        self.revoked: list[str] = []

    def calls_to(self, path: str) -> int:
        return sum(1 for _, called in self.calls if called == path)

    def forget_tokens(self) -> None:
        self._tokens.clear()

    @Request.application
    def __call__(self, request: Request) -> Response:
        self.calls.append((request.method, request.path))
        if request.path in self.answers:
            return envelope(self.answers[request.path], None, "as the test wants it")
        if request.path.startswith("/public/v1/drops/links/"):
            return self.name_link(request)
        views = {
            ("GET", "/oauth/authorize"): self.authorize,
            ("POST", "/oauth/token"): self.token,
            ("POST", "/oauth/revoke"): self.revoke,
            ("GET", "/public/v1/users"): self.users,
            ("GET", "/public/v1/public-key"): self.public_key,
            ("PATCH", "/public/v1/drops/claims"): self.patch_claims,
            ("GET", "/inventory/"): self.inventory,
        }
        view = views.get((request.method, request.path))
        return view(request) if view else envelope(404, None, "Not found")

    def inventory(self, request: Request) -> Response:
        return Response("The inventory")

    def authorize(self, request: Request) -> Response:
        asked = request.args
        if (asked["client_id"], asked["response_type"]) != (CLIENT[0], "code"):
            return Response("unknown client", 400)
        if asked.get("code_challenge_method") != "S256" or not asked.get("state"):
            return Response("PKCE S256 and state are required", 400)
        if asked.get("scope") != "user:read":
            return Response("the studio needs user:read and nothing else", 400)
        if self.denies_consent:
            return redirect(f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}")
        code = f"code-{next(self._numbers)}"
        self._codes[code] = {"challenge": asked["code_challenge"], "redirect_uri": asked["redirect_uri"]}
        return redirect(f"{asked['redirect_uri']}?code={code}&state={asked['state']}")

    def token(self, request: Request) -> Response:
        client = request.authorization
        if not client or (client.username, client.password) != CLIENT:
            return as_json({"error": "invalid_client"}, 401)
        form = request.form
        if form["grant_type"] == "client_credentials":
            return self._new_token(user=None)
        code = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code != {"challenge": challenge, "redirect_uri": form["redirect_uri"]}:
            return as_json({"error": "invalid_grant"}, 400)
        return self._new_token(user=self.viewer)

    def _new_token(self, user: dict[str, Any] | None) -> Response:
        token = f"token-{next(self._numbers)}"
        self._tokens[token] = user
        return as_json(
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "user:read"}
        )

    def revoke(self, request: Request) -> Response:
        self.revoked.append(request.form["token"])
        return as_json({})

    def users(self, request: Request) -> Response:
        user = self._tokens.get(bearer(request))
        return envelope(200, [user]) if user else envelope(401, None, "Unauthorized")

    def name_link(self, request: Request) -> Response:
        if self._tokens.get(bearer(request), "no such token") is not None:
            return envelope(401, None, "Unauthorized")
        self.links[request.path.rpartition("/")[2]] = json.loads(request.data)
        return envelope(200, {})

    def public_key(self, request: Request) -> Response:
        pem = self.signing_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return envelope(200, {"public_key": pem.decode()})

    def patch_claims(self, request: Request) -> Response:
        if self._tokens.get(bearer(request), "no such token") is not None:
            return envelope(401, None, "Unauthorized")
        claims = json.loads(request.data)["claims"]
        self.batches.append(len(claims))
        if not 1 <= len(claims) <= 100:
            return envelope(400, None, "1 to 100 claims")
        if self.unknown_claims & {claim["claim_id"] for claim in claims}:
            return envelope(404, None, "unknown claim")
        self.statuses |= {claim["claim_id"]: claim["external_status"] for claim in claims}
        return Response(status=204)

    def webhook(
        self,
        claim: dict[str, Any] | bytes,
        *,
        key: RSAPrivateKey | None = None,
        age: timedelta = timedelta(),
        event_type: str = "drops.claim.created",
        message_id: str = "01JMESSAGE",
    ) -> dict[str, Any]:
        """A signed webhook as keyword arguments for `requests.post`."""
        body = claim if isinstance(claim, bytes) else json.dumps(claim, separators=(",", ":")).encode()
        timestamp = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = f"{message_id}.{timestamp}.".encode() + body
        signature = (key or self.signing_key).sign(signed, PKCS1v15(), SHA256())
        headers = {
            "Content-Type": "application/json",
            "Kick-Event-Message-ID": message_id,
            "Kick-Event-Message-Timestamp": timestamp,
            "Kick-Event-Timestamp": timestamp,
            "Kick-Event-Type": event_type,
            "Kick-Event-Version": "1",
            "Kick-Event-Signature": base64.b64encode(signature).decode(),
        }
        return {"data": body, "headers": headers}


def bearer(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def as_json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def envelope(status: int, data: object, message: str = "OK") -> Response:
    return as_json({"data": data, "message": message}, status)


class QuietHandler(WSGIRequestHandler):
    def log_request(self, *args: object) -> None:
        """Say nothing: a test that fails shows what matters."""


@contextmanager
def running_peer() -> Iterator[PeerDrops]:
    peer = PeerDrops()
    server = make_server("127.0.0.1", 0, peer, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    peer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def new_browser() -> requests.Session:
    browser = requests.Session()
    browser.trust_env = False
    return browser

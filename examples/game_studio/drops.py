"""What the studio's server asks of Drops, server to server."""

from threading import Lock
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from .config import DROPS_CLIENT_ID, DROPS_CLIENT_SECRET, DROPS_URL

TIMEOUT = 10  # seconds
API = f"{DROPS_URL}/public/v1"

# How a call may end when Drops is away, or refuses.
DropsError = (requests.RequestException, OAuthError)

# The studio's own token (client credentials): Authlib fetches the next one when it has expired.
studio_session = OAuth2Session(
    DROPS_CLIENT_ID,
    DROPS_CLIENT_SECRET,
    token_endpoint=f"{DROPS_URL}/oauth/token",
    grant_type="client_credentials",
    default_timeout=TIMEOUT,
)
one_at_a_time = Lock()  # sessions of requests are not made for several threads at once


def public_key() -> bytes:
    """The key, as PEM, that the signatures of webhooks are verified with."""
    answer = requests.get(f"{API}/public-key", timeout=TIMEOUT)
    answer.raise_for_status()
    return str(answer.json()["data"]["public_key"]).encode()


def user(access_token: str) -> dict[str, Any]:
    """Who gave this token: `user_id`, `name`, `email`, `profile_picture`."""
    bearer = {"Authorization": f"Bearer {access_token}"}
    answer = requests.get(f"{API}/users", headers=bearer, timeout=TIMEOUT)
    answer.raise_for_status()
    return dict(answer.json()["data"][0])


def revoke(access_token: str) -> None:
    """Give back a token that the studio has no use for."""
    client = (DROPS_CLIENT_ID, DROPS_CLIENT_SECRET)
    data = {"token": access_token}
    requests.post(f"{DROPS_URL}/oauth/revoke", data, auth=client, timeout=TIMEOUT).raise_for_status()


def name_link(user_id: str, game_account_id: str, display_name: str) -> None:
    """Tell Drops which game account stands behind a connected user, for people to read there."""
    body = {"game_account_id": game_account_id, "display_name": display_name}
    _as_studio("PUT", f"{API}/drops/links/{user_id}", body).raise_for_status()


def set_external_status(claim_ids: list[str], status: str) -> requests.Response:
    """Tell Drops how far 1 to 100 claims are: 204, or nothing has changed for any of them."""
    claims = [{"claim_id": claim_id, "external_status": status} for claim_id in claim_ids]
    return _as_studio("PATCH", f"{API}/drops/claims", {"claims": claims})


def _as_studio(method: str, url: str, body: dict[str, Any]) -> requests.Response:
    with one_at_a_time:
        if not studio_session.token:
            studio_session.fetch_token()
        answer: requests.Response = studio_session.request(method, url, json=body)
        if answer.status_code == 401:
            studio_session.token = None  # revoked before its time: the next call fetches another
        return answer

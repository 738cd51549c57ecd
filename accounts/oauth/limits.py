"""How often the token endpoint may be called in a minute.

Calls with a right secret and calls with a wrong one are counted apart.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv6Address, ip_network

from django.conf import settings
from django.http import HttpRequest

from accounts.requests import address_of
from config.api import throttle

# Wrong secrets of one client ID from one address. They are not counted by client ID alone: everybody knows the
# client ID, and could keep the app out.
FAILURES = 30
# Wrong secrets from one address, whatever the client IDs.
FAILURES_FROM_ADDRESS = 120
# A partner that asks for a token before each call is stopped no sooner than by the limit on those calls. Several
# apps may call from one address.
APPS_AT_ADDRESS = 2


def network_of(request: HttpRequest) -> str:
    """The address that `request` came from; of an IPv6 address the first 64 bits, which one customer holds."""
    address = address_of(request)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address or "")  # what is no address counts as one


def seconds_to_wait(*, client_id: str, network: str, now: datetime) -> int:
    """After how many seconds this client may call again; 0: at once."""
    quotas = [
        throttle.standing(caller, now=now, limit=limit)
        for failed in (False, True)
        for caller, limit in _limits(client_id, network, failed=failed)
    ]
    return max((quota.reset for quota in quotas if quota.used >= quota.limit), default=0)


def count(*, client_id: str, network: str, failed: bool, now: datetime) -> None:
    """Count one call. `failed`: the client is unknown or its secret was wrong."""
    for caller, limit in _limits(client_id, network, failed=failed):
        throttle.count(caller, now=now, limit=limit)


def key_of(client_id: str) -> str:
    """What the calls of an app with its right secret are counted under."""
    return f"token:{client_id[:100]}"  # as long as one can be


def _limits(client_id: str, network: str, *, failed: bool) -> list[tuple[str, int]]:
    client_id = client_id[:100]  # as long as one can be
    if failed:
        return [
            (f"no-token:{client_id}:{network}", FAILURES),
            (f"no-token:{network}", FAILURES_FROM_ADDRESS),
        ]
    calls = settings.API_CALLS_PER_MINUTE
    return [(key_of(client_id), calls), (f"token-from:{network}", APPS_AT_ADDRESS * calls)]

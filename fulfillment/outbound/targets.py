"""Which addresses the outside world may make this server talk to.

A studio writes the URL of its webhook, so the URL is hostile until checked: it must not reach this
machine, its network, or a cloud's metadata service, by whatever spelling. Two checks: of the URL's
text (`parse_target`), when it is saved and again before each request; and of every address that the
name resolves to (`check_address`), right before connecting to that very address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


class TargetRefused(Exception):
    """The URL or address may not be talked to. The message says what is wrong and what would be right; it is in
    the language that is active when it is read."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL. `host` is an ASCII name or the text of an IP address, without brackets."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


MAX_URL_LENGTH = 500
NAME = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
# The last label of a name that a resolver reads as a number: 127.1, 2130706433, 0x7f000001, 0177.0.0.1.
NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "arpa")
LOWEST_OPEN_PORT = 1024


# IANA's special-purpose registries, and what clouds keep for themselves. `ipaddress` knows most of
# them, but what it calls global differs between versions of Python.
NOT_PUBLIC: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's metadata and DNS
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "2001::/23",  # Teredo, ORCHID, benchmarking and other protocol assignments
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
# Everything else of IPv6 is loopback, mapped, NAT64, local, multicast or not handed out.
PUBLIC_IPV6 = IPv6Network("2000::/3")


def parse_target(url: str) -> Target:
    """Check the text of a URL. Raises TargetRefused.

    Allowed: https, a public name or address, port 443 or one from 1024 up, no user name or
    password. With OUTBOUND_ALLOW_LOOPBACK also http, and names and addresses of this machine.
    """
    if len(url) > MAX_URL_LENGTH:
        raise TargetRefused(
            format_lazy(_("The URL is too long. Use at most {count} characters."), count=MAX_URL_LENGTH)
        )
    if not url.isascii() or not url.isprintable() or set(' "<>\\^`{|}') & set(url):
        raise TargetRefused(
            _(
                "The URL has characters that a URL cannot have. Write names in their ASCII form (xn--…) "
                "and percent-encode everything else."
            )
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise TargetRefused(
            _("This is not a URL. Enter one such as https://game.example.com/webhooks/drops.")
        ) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.OUTBOUND_ALLOW_LOOPBACK):
        raise TargetRefused(_("The URL must start with https://."))
    if "@" in parts.netloc:
        raise TargetRefused(_("The URL must not contain a username or a password."))
    if parts.fragment or "#" in url:
        raise TargetRefused(_("The URL must not contain a fragment (the part after #)."))
    tls = parts.scheme == "https"
    if port is None:
        port = 443 if tls else 80
    elif port < LOWEST_OPEN_PORT and port != 443:
        raise TargetRefused(_("The port must be 443 or a number from 1024 to 65535."))
    _check_host(host, bracketed="[" in parts.netloc)
    return Target(tls=tls, host=host, port=port, path=_path(parts.path, parts.query))


def _path(path: str, query: str) -> str:
    return (path or "/") + (f"?{query}" if query else "")


def _check_host(host: str, *, bracketed: bool) -> None:
    if bracketed:
        try:
            address = IPv6Address(host)
        except ValueError:
            raise TargetRefused(_("The address in the brackets is not an IPv6 address.")) from None
        check_address(address)
        return
    if not NAME.fullmatch(host):
        raise TargetRefused(_("The URL must contain a host name such as game.example.com."))
    if NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        try:
            check_address(IPv4Address(host))
        except ValueError:
            raise TargetRefused(_("An IPv4 address must be written as four decimal numbers.")) from None
        return
    if host == "localhost" and settings.OUTBOUND_ALLOW_LOOPBACK:
        return
    if "." not in host or host.rpartition(".")[2] in LOCAL_NAMES:
        raise TargetRefused(_("The host must be a public name, such as game.example.com."))


def check_address(address: IPv4Address | IPv6Address | str) -> None:
    """Raise TargetRefused unless `address` is a public one (or a loopback one, where the settings allow it)."""
    if isinstance(address, str):
        address = ip_address(address)
    if address.is_loopback and settings.OUTBOUND_ALLOW_LOOPBACK:
        return
    public = (
        address.is_global
        and not address.is_multicast
        and (address.version == 4 or address in PUBLIC_IPV6)
        and not any(address in network for network in NOT_PUBLIC if network.version == address.version)
    )
    if not public:
        raise TargetRefused(format_lazy(_("{address} is not a public address."), address=address))

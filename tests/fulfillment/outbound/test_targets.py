"""Which addresses a webhook may reach: ours refuses whatever two independent guards refuse."""

# ruff: noqa: RUF001 - hostile names are written in look-alikes

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
import ssrfguard
from hypothesis import given, settings as hypothesis_settings, strategies as st
from requests_hardened.ip_filter import InvalidIPAddress, filter_host

from fulfillment.outbound import client
from fulfillment.outbound.targets import NOT_PUBLIC, TargetRefused, check_address, parse_target
from tests.fulfillment.receiver import Reply, running_receiver

SSRFGUARD = ssrfguard.Policy(allowed_ports=range(1, 65536))

SPECIAL_RANGES = [
    *map(str, NOT_PUBLIC),
    *map(str, (block.network for block in ssrfguard.DEFAULT_DENIED.blocks)),
    "::/128",
    "::1/128",
    "::/96",  # IPv4-compatible
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",
    "100::/64",  # discard
    "5f00::/16",  # segment routing
    "fc00::/7",  # unique local
    "fec0::/10",  # site local
    "fe80::/10",  # link local
    "ff00::/8",  # multicast
]

# Why it is hostile, and the URL.
HOSTILE_URLS = [
    ("this machine", "https://127.0.0.1/"),
    ("this machine", "https://127.8.9.10:8443/"),
    ("this machine", "https://[::1]/"),
    ("this machine", "https://localhost/"),
    ("this machine", "https://localhost./"),
    ("this machine", "https://LOCALHOST/"),
    ("this machine", "https://api.localhost/"),
    ("this machine", "https://0.0.0.0/"),
    ("this machine", "https://0/"),
    ("short form", "https://127.1/"),
    ("short form", "https://127.0.1/"),
    ("short form", "https://10.1/"),
    ("decimal", "https://2130706433/"),
    ("decimal", "https://3232235521/"),
    ("decimal, metadata", "https://2852039166/"),
    ("octal", "https://0177.0.0.1/"),
    ("octal", "https://017700000001/"),
    ("octal, metadata", "https://0251.0376.0251.0376/"),
    ("hexadecimal", "https://0x7f.0.0.1/"),
    ("hexadecimal", "https://0x7f000001/"),
    ("hexadecimal", "https://0x7F.1/"),
    ("hexadecimal, metadata", "https://0xa9fea9fe/"),
    ("mixed", "https://0x7f.0.0.01/"),
    ("leading zeros", "https://127.000.000.001/"),
    ("overflow", "https://256.256.256.256/"),
    ("overflow", "https://4294967297/"),
    ("private", "https://10.0.0.5/"),
    ("private", "https://172.16.0.1/"),
    ("private", "https://192.168.1.1:8443/"),
    ("shared", "https://100.64.0.1/"),
    ("metadata", "https://169.254.169.254/latest/meta-data/"),
    ("metadata, ECS", "https://169.254.170.2/v2/credentials"),
    ("metadata, Alibaba", "https://100.100.100.200/"),
    ("metadata, Azure", "https://168.63.129.16/"),
    ("metadata, Oracle", "https://192.0.0.192/"),
    ("metadata, AWS IPv6", "https://[fd00:ec2::254]/"),
    ("metadata by name", "https://metadata.google.internal/"),
    ("metadata by name", "https://instance-data.ec2.internal/"),
    ("mapped", "https://[::ffff:127.0.0.1]/"),
    ("mapped", "https://[::ffff:7f00:1]/"),
    ("mapped, metadata", "https://[::ffff:169.254.169.254]/"),
    ("mapped, public", "https://[::ffff:8.8.8.8]/"),
    ("compatible", "https://[::127.0.0.1]/"),
    ("translated", "https://[::ffff:0:127.0.0.1]/"),
    ("NAT64", "https://[64:ff9b::7f00:1]/"),
    ("NAT64", "https://[64:ff9b::169.254.169.254]/"),
    ("NAT64, local use", "https://[64:ff9b:1::a00:1]/"),
    ("6to4", "https://[2002:7f00:1::]/"),
    ("6to4, metadata", "https://[2002:a9fe:a9fe::]/"),
    ("Teredo", "https://[2001:0:7f00:1::]/"),
    ("link local", "https://[fe80::1]/"),
    ("link local with a zone", "https://[fe80::1%25eth0]/"),
    ("loopback with a zone", "https://[::1%25lo]/"),
    ("unique local", "https://[fc00::1]/"),
    ("multicast", "https://[ff02::1]/"),
    ("multicast", "https://224.0.0.1/"),
    ("broadcast", "https://255.255.255.255/"),
    ("documentation", "https://[2001:db8::1]/"),
    ("user name", "https://game.example.com@127.0.0.1/"),
    ("user name", "https://user@game.example.com/"),
    ("password", "https://user:secret@game.example.com/"),
    ("empty user name", "https://@game.example.com/"),
    ("user name and backslash", "https://game.example.com\\@127.0.0.1/"),
    ("user name, encoded", "https://game.example.com%40127.0.0.1/"),
    ("fragment before a user name", "https://game.example.com#@127.0.0.1/"),
    ("fragment", "https://game.example.com/#x"),
    ("IDNA: circled digits", "https://①②⑦.⓪.⓪.①/"),
    ("IDNA: full-width digits", "https://１２７.０.０.１/"),
    ("IDNA: full-width dot", "https://127。0。0。1/"),
    ("IDNA: enclosed letters", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/"),
    ("IDNA: sharp s", "https://fußball.example.com/"),
    ("IDNA: soft hyphen", "https://local\u00adhost/"),
    ("IDNA: zero-width", "https://game\u200b.example.com/"),
    ("IDNA: bidirectional", "https://game\u202e.example.com/"),
    ("percent in the host", "https://%31%32%37.0.0.1/"),
    ("percent in the host", "https://127%2e0%2e0%2e1/"),
    ("port of SSH", "https://game.example.com:22/"),
    ("port of SMTP", "https://game.example.com:25/"),
    ("port of HTTP", "https://game.example.com:80/"),
    ("port 0", "https://game.example.com:0/"),
    ("port too large", "https://game.example.com:65536/"),
    ("port negative", "https://game.example.com:-443/"),
    ("port not a number", "https://game.example.com:4４3/"),
    ("plain http", "http://game.example.com/"),
    ("file", "file:///etc/passwd"),
    ("gopher", "gopher://127.0.0.1:6379/_FLUSHALL"),
    ("data", "data:text/plain,hello"),
    ("no scheme", "//game.example.com/"),
    ("no scheme", "game.example.com/hook"),
    ("scheme alone", "https://"),
    ("no host", "https:///hook"),
    ("one slash", "https:/game.example.com/"),
    ("one label", "https://intranet/"),
    ("local name", "https://printer.local/"),
    ("empty label", "https://game..example.com/"),
    ("leading dot", "https://.example.com/"),
    ("leading hyphen", "https://-game.example.com/"),
    ("label too long", f"https://{'a' * 64}.example.com/"),
    ("name too long", f"https://{'a.' * 130}example.com/"),
    ("URL too long", f"https://game.example.com/{'a' * 500}"),
    ("space", "https://game.example.com /"),
    ("space in the path", "https://game.example.com/a b"),
    ("tab in the host", "https://127.0.\t0.1/"),
    ("newline in the path", "https://game.example.com/a\r\nHost: other"),
    ("NUL", "https://game.example.com/\x00"),
    ("brackets not closed", "https://[::1/"),
    ("brackets around a name", "https://[game.example.com]/"),
    ("IPvFuture", "https://[v1.fe80::a]/"),
    ("empty", ""),
]


@pytest.fixture(autouse=True)
def _as_in_production(settings):
    settings.OUTBOUND_ALLOW_LOOPBACK = False


def accepts(check, *args) -> bool:
    try:
        check(*args)
    except TargetRefused:
        return False
    return True


def oracles_refuse(address: str) -> bool:
    try:
        host = f"[{address}]" if ":" in address else address
        SSRFGUARD.check_url(f"https://{host}/")
        filter_host(address, 443, allow_loopback=False)
    except (ssrfguard.SSRFGuardError, InvalidIPAddress):
        return True
    return False


def edges(text: str) -> list[IPv4Address | IPv6Address]:
    network = ip_network(text)
    return [network[0], network[network.num_addresses // 2], network[-1]]


@pytest.mark.parametrize("text", sorted(set(SPECIAL_RANGES)))
def test_special_ranges_are_refused_from_end_to_end(text):
    assert [accepts(check_address, address) for address in edges(text)] == [False] * 3


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::5"])
def test_public_addresses_are_allowed(address):
    check_address(address)
    assert not oracles_refuse(address)


addresses = st.one_of(
    st.ip_addresses(),
    st.ip_addresses(v=6, network="2000::/3"),
    st.sampled_from(SPECIAL_RANGES).flatmap(lambda network: st.ip_addresses(network=network)),
)


@given(addresses)
@hypothesis_settings(max_examples=2000, deadline=None)
def test_whatever_an_independent_guard_refuses_is_refused(address):
    if oracles_refuse(str(address)):
        assert not accepts(check_address, address)


def test_the_corpus_is_large_enough():
    assert len(set(HOSTILE_URLS)) >= 100


@pytest.mark.parametrize(("why", "url"), HOSTILE_URLS)
def test_a_hostile_url_is_refused_before_any_look_up(why, url):
    with pytest.raises(TargetRefused) as refusal:
        parse_target(url)
    assert str(refusal.value).endswith((".", ")."))


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://game.example.com", "game.example.com", 443, "/"),
        ("https://Game.Example.COM/Hooks?key=1", "game.example.com", 443, "/Hooks?key=1"),
        ("https://game.example.com:8443/a", "game.example.com", 8443, "/a"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/"),
        ("https://[2606:4700::1111]:1024/", "2606:4700::1111", 1024, "/"),
    ],
)
def test_a_studios_url_is_allowed(url, host, port, path):
    target = parse_target(url)
    SSRFGUARD.check_url(url)
    assert (target.tls, target.host, target.port, target.path) == (True, host, port, path)


def test_loopback_is_for_development_alone(settings):
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    for url in ("http://127.0.0.1:9000/hook", "http://localhost:9000/", "https://[::1]:9000/"):
        parse_target(url)
    for url in ("http://10.0.0.1:9000/", "http://169.254.169.254:9000/", "https://[::ffff:127.0.0.1]/"):
        assert not accepts(parse_target, url)


# Names


def resolve_to(monkeypatch, *answers: list[str]) -> list[str]:
    """Let every look-up give the next of `answers`; returns the list of names asked for."""
    asked: list[str] = []
    remaining = list(answers)

    def getaddrinfo(host, port, **_):
        asked.append(host)
        found = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def post(url: str) -> client.Answer:
    return client.post(url=url, headers={}, body=b"{}", timeout=2)


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["8.8.8.8", "10.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["2606:4700::1111", "fd00:ec2::254"],
        ["fe80::1%eth0"],
    ],
)
def test_a_name_that_leads_inside_is_refused(monkeypatch, found):
    resolve_to(monkeypatch, found)

    answer = post("https://game.example.com/")

    assert answer.error_class == "address"
    # Of names that only this server's resolver knows, the studio learns no address.
    assert answer.error == "game.example.com leads to an address that is not public."


def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_called(monkeypatch, settings):
    """DNS rebinding: the second answer would lead elsewhere, and nobody asks for it."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with running_receiver() as checked, running_receiver() as other:
        asked = resolve_to(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        url = checked.url.replace("127.0.0.1", "game.example.com")

        assert post(url).status == 200

    assert asked == ["game.example.com"]
    assert checked.received[0].headers["Host"].startswith("game.example.com:")
    assert other.received == []


def test_a_redirect_to_the_metadata_service_goes_nowhere(settings):
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with running_receiver() as receiver:
        receiver.answers(Reply(307, {"Location": "http://169.254.169.254/latest/meta-data/"}))
        answer = post(receiver.url)

    assert (answer.status, answer.error_class) == (307, "redirect")


def test_the_environments_proxy_is_not_used(settings, monkeypatch):
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with running_receiver() as receiver:
        assert post(receiver.url).status == 200

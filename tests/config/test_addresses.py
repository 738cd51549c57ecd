from __future__ import annotations

from ipaddress import ip_address

import pytest

from config.addresses import packed, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("203.0.113.1:4711", "203.0.113.1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_read_however_it_is_written(text: str, address: str) -> None:
    assert parse(text) == ip_address(address)


@pytest.mark.parametrize(
    "text", ["", "unknown", "1.2.3", "01.2.3.4", "a.b.c.d", "1.2.3.4\0", "1.2.3.4é", "[", "x" * 9_000]
)
def test_what_is_no_address_has_no_bytes(text: str) -> None:
    assert packed(text) == b""
    assert parse(text) is None

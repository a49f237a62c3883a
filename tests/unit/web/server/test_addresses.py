"""Addresses, however they are written."""

import pytest

from app.web.server.addresses import network_of, plain_address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:51234 ", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:DB8:0:0::1]", "2001:db8::1"),
        ("2001:db8::1:443", "2001:db8::1:443"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::FFFF:203.0.113.7]:51234", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("::1", "::1"),
    ],
)
def test_an_address_is_found_and_written_in_one_way(written, address) -> None:
    assert plain_address(written) == address
    assert plain_address(address) == address


NONE = ["", " ", "unknown", "_hidden", "unix:", "localhost", "1.2.3", "1.2.3.4.5", "010.0.0.1", "1.2.3.4:", "1.2.3.4:x"]
NONE += ["[1", "[]", "[::1]x", "::1]", ":", "%eth0", "1.2.3.4, 5.6.7.8", "2001:db8::g", "x" * 10_000, "\u0661.2.3.4"]
NONE += [f"[fe80::1%{'z' * 200}]"]


@pytest.mark.parametrize("written", NONE)
def test_what_is_none_is_none(written) -> None:
    assert plain_address(written) is None
    assert network_of(written) == written


def test_a_household_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("[2001:db8:1:2::9]:443") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::9") != network_of("2001:db8:1:2::9")
    assert network_of("203.0.113.7:51234") == network_of("::ffff:203.0.113.7") == "203.0.113.7"
    assert network_of("64:ff9b::203.0.113.7") != network_of("64:ff9b::203.0.113.8")

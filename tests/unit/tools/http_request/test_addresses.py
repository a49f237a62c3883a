"""Which addresses are public; test_tool.py has those that are not, and that nothing reaches them."""

from ipaddress import ip_address

import pytest

from app.tools.http_request.addresses import is_global, is_private


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "1.1.1.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::",
    ],
)
def test_an_address_in_the_public_network_is_public_however_it_is_wrapped(address) -> None:
    assert is_global(ip_address(address))
    assert not is_private(ip_address(address))

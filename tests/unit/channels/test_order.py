"""Orders: addresses in one plain form."""

import pytest

from pycore.channels.order import plain_address
from tests.unit.channels.sides import order


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:DB8::0:1", "2001:db8::1"),
    ],
)
def test_f4_one_address_has_one_form(text: str, plain: str) -> None:
    assert plain_address(text) == plain
    assert order(client_ip=plain).client_ip == plain


@pytest.mark.parametrize(
    "text", ["999.1.1.1", "deadbeef", "...", "203.0.113.7,203.0.113.8", "203.0.113.07", "localhost", "", "::1 "]
)
def test_f4_what_is_not_one_address_is_refused(text: str) -> None:
    """Anything of digits, letters, dots and colons was sent to the channel as the payer's address."""
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        plain_address(text)
    with pytest.raises(ValueError, match=r"."):
        order(client_ip=text)

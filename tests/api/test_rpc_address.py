"""Where a gRPC call comes from, as gRPC writes it."""

import pytest

from api.rpc.calls import _address_of


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("ipv6:[::ffff:203.0.113.7]:5000", "::ffff:203.0.113.7"),
        ("unix:/run/pycore.sock", ""),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_addresses(peer: str, address: str) -> None:
    assert _address_of(peer) == address

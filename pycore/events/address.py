"""Which IP addresses are somebody's on the internet: by registries as dated data, the same on every interpreter."""

from __future__ import annotations

import ipaddress
import tomllib
from importlib import resources
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv6 outside of it is not given out.
_IPV6_GIVEN_OUT: Final = ipaddress.IPv6Network("2000::/3")


def _special() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    table = tomllib.loads(resources.files(__package__).joinpath("special_addresses.toml").read_text(encoding="utf-8"))
    return tuple(ipaddress.ip_network(network) for registry in table["registry"] for network in registry["networks"])


_SPECIAL: Final = _special()


def is_public(address: IpAddress) -> bool:
    """Return whether an address is somebody's on the internet (``special_addresses.toml`` says which are not).

    Addresses that stand for another one (IPv4-mapped, 6to4, NAT64, Teredo) are not, whichever they stand for.
    """
    if isinstance(address, ipaddress.IPv6Address) and address not in _IPV6_GIVEN_OUT:
        return False
    return not any(address in network for network in _SPECIAL)

"""Who calls, where proxies stand between: one rule for both doors.

A proxy that is named in the settings is believed about whom it speaks for; whatever anybody else says of that changes
nothing. Of a chain of proxies the address that the last trusted one saw counts: what stands before it, anybody may have
written.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from api.errors import MalformedRequestError

FORWARDED_FOR: Final = "x-forwarded-for"
FORWARDED: Final = "forwarded"
_IPV6_PREFIX: Final = 64
_ADDRESSES_MAX: Final = 4096


class Proxies:
    """The proxies in front of the server."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """``trusted`` are addresses and networks, as ``10.0.0.0/8``. Raises ValueError."""
        self._networks = [ip_network(each) for each in trusted]
        self.trust = lru_cache(maxsize=_ADDRESSES_MAX)(self._trust)
        """Returns whether an address is one of theirs."""

    def caller(self, peer: str, forwarded_for: Sequence[str], forwarded: Sequence[str]) -> str:
        """Return the address of who calls.

        Args:
            peer: the address at the other end of the connection.
            forwarded_for: the values of ``x-forwarded-for``, in the order they came.
            forwarded: the values of ``forwarded`` (RFC 7239).

        Raises MalformedRequestError where a trusted proxy lets both through and they name different callers: one of
        them is its own, and nobody can say which.
        """
        if not self._networks or not self.trust(peer):
            return peer
        found = {self._last_stranger(peer, hops) for hops in (_hops(forwarded_for), _forwarded_hops(forwarded)) if hops}
        if len(found) > 1:
            raise MalformedRequestError(
                f"{FORWARDED_FOR} and {FORWARDED} name different callers; nothing was done: let the proxy remove the"
                " one that it does not write"
            )
        return found.pop() if found else peer

    def _last_stranger(self, peer: str, hops: list[str]) -> str:
        """Return the last address that is not a trusted proxy's; one that cannot be read ends the search."""
        last = peer
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break
            last = address
            if not self.trust(last):
                break
        return last

    def _trust(self, address: str) -> bool:
        read = _read(address)
        return read is not None and any(read in network for network in self._networks)


@lru_cache(maxsize=_ADDRESSES_MAX)
def origin_of(address: str) -> str:
    """Return what an address counts as where callers are counted: one subscriber has a whole /64 of IPv6."""
    read = _read(address)
    if isinstance(read, IPv6Address):
        return str(IPv6Network((read, _IPV6_PREFIX), strict=False))
    return address if read is None else str(read)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address, one of IPv4 in IPv6's clothes as what it is."""
    try:
        read = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = read.ipv4_mapped if isinstance(read, IPv6Address) else None
    return read if mapped is None else mapped


def _hops(values: Sequence[str]) -> list[str]:
    return [hop.strip() for value in values for hop in value.split(",")]


def _forwarded_hops(values: Sequence[str]) -> list[str]:
    """Return what each element of ``forwarded`` says it is for; one that says nothing cannot be read."""
    return [
        next((pair.partition("=")[2].strip().strip('"') for pair in _pairs(hop) if pair.lower().startswith("for=")), "")
        for hop in _hops(values)
    ]


def _pairs(element: str) -> list[str]:
    return [pair.strip() for pair in element.split(";")]


def _address(hop: str) -> str | None:
    """Return the address of a hop, which may have a port: ``192.0.2.1``, ``192.0.2.1:80``, ``[2001:db8::1]:80``."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    read = _read(hop)
    return None if read is None else str(read)

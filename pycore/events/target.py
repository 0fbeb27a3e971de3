"""Where webhooks may go: to public addresses by https, never into the network this server stands in.

A merchant chooses the URL and we send the request, so without this anyone with a key could reach what only this machine
can (server-side request forgery): the database, a cloud's metadata service, the neighbours. The URL is checked when it
is saved and each time it is used, and the address is checked at the moment it is dialled: what is connected to is the
very address that was checked, whatever the name resolves to a moment later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pycore.errors import InvalidRequestError
from pycore.events.address import IpAddress, is_public
from pycore.events.credential import has_credential
from pycore.printable import unprintable_in
from pycore.vault import secret_in

if TYPE_CHECKING:
    from aiohttp.connector import AddrInfoType

URL_LENGTH_MAX: Final = 2048
RESOLVE_SECONDS_MAX: Final = 10.0
_RESOLVER_THREADS: Final = 64

_NAME: Final = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


_LOCAL: Final = (
    "to try endpoints on this machine in test mode, set [webhooks] allow_loopback = true"
    " (PYCORE_WEBHOOKS_ALLOW_LOOPBACK=true), or run: pycore listen --forward-to http://localhost:3000/webhooks"
)
_NOT_PUBLIC_HOST: Final = f"url: the host has an address that is not public; {_LOCAL}"
_NOT_PUBLIC_NAME: Final = f"url: the name of the host does not lead to public addresses alone; {_LOCAL}"
_NO_HOST: Final = (
    f"url: the host must be a full name or a public IP address, as in https://shop.example.com/hook; {_LOCAL}"
)


class AddressRefusedError(OSError):
    """An address is not public, so no connection to it is begun."""

    def __init__(self) -> None:
        super().__init__("the address is not a public one")


class TargetGuard:
    """Tells allowed targets from others.

    Args:
        allow_loopback: let endpoints of test mode be on this machine, by http too: for developers.
        resolver: finds a name's addresses; None: the system's.
    """

    def __init__(self, *, allow_loopback: bool = False, resolver: AbstractResolver | None = None) -> None:
        self._allow_loopback = allow_loopback
        self.resolver = resolver or SystemResolver()
        """What to resolve with, here and in the connector."""

    async def close(self) -> None:
        """Let go of the resolver."""
        await self.resolver.close()

    def loopback_allowed(self, *, live: bool) -> bool:
        """Return whether endpoints of that mode may be on this machine."""
        return self._allow_loopback and not live

    def checked(self, text: str, *, live: bool) -> URL:
        """Return the URL of an endpoint in its one normal form, names in ASCII.

        Raises:
            InvalidRequestError: it is none that may be used; nothing was resolved.
        """
        if not 0 < len(text) <= URL_LENGTH_MAX or unprintable_in(text) or " " in text or "\\" in text:
            raise InvalidRequestError(f"url: not a URL of at most {URL_LENGTH_MAX} characters")
        try:
            url = URL(text)
            host, port = url.raw_host or "", url.port
        except ValueError:
            raise InvalidRequestError("url: it cannot be read") from None
        if url.raw_user is not None or url.raw_password is not None or "@" in url.raw_authority:
            raise InvalidRequestError("url: it must not have a user or password")
        if (secret := secret_in(text)) or has_credential(url.raw_path_qs):
            raise InvalidRequestError(
                f"url: holds {secret or 'a credential'}, and is kept and shown as it is: messages are signed, so that"
                " nothing secret is needed to trust them"
            )
        if url.raw_fragment:
            raise InvalidRequestError("url: it must not have a fragment")
        is_local = host in _LOOPBACK_NAMES and self.loopback_allowed(live=live)
        if url.scheme != "https" and not (url.scheme == "http" and is_local):
            raise InvalidRequestError(f"url: it must begin with https://; {_LOCAL}")
        if not port:
            raise InvalidRequestError("url: it must not have port 0")
        if not is_local:
            _check_host(host)
        return url

    async def check_reachable(self, url: URL, *, live: bool) -> None:
        """Resolve the host and look at every address.

        Raises:
            InvalidRequestError: there is none, or one of them may not be dialled; which of the two is not told, as that
                would tell which names this network knows.
        """
        try:
            async with asyncio.timeout(RESOLVE_SECONDS_MAX):
                found = await self.resolver.resolve(url.raw_host or "", url.port or 0, socket.AF_UNSPEC)
        except (OSError, TimeoutError, UnicodeError):
            found = []
        addresses = [ipaddress.ip_address(each["host"].partition("%")[0]) for each in found]
        if not addresses or not all(self._is_allowed(address, live=live) for address in addresses):
            raise InvalidRequestError(_NOT_PUBLIC_NAME)

    def dial(self, address: AddrInfoType, *, live: bool) -> socket.socket:
        """Return a socket for an address that is about to be connected to. Raises AddressRefusedError."""
        family, type, protocol, _, place = address
        if not self._is_allowed(ipaddress.ip_address(str(place[0]).partition("%")[0]), live=live):
            raise AddressRefusedError
        return socket.socket(family, type, protocol)

    def _is_allowed(self, address: IpAddress, *, live: bool) -> bool:
        return is_public(address) or (address.is_loopback and self.loopback_allowed(live=live))


def _check_host(host: str) -> None:
    """Let public IP addresses and full names pass. Raises InvalidRequestError."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Also what some resolvers take for an IPv4 address: 127.1, 0x7f000001, 2130706433, 0177.0.0.1.
        if not _NAME.fullmatch(host):
            raise InvalidRequestError(_NO_HOST) from None
        return
    if not is_public(address):
        raise InvalidRequestError(_NOT_PUBLIC_HOST)


class SystemResolver(AbstractResolver):
    """The system's resolver in threads of its own: a name server that does not answer holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="webhook-resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _addresses, host, port, family)
        return [
            ResolveResult(hostname=host, host=str(place[0]), port=port, family=kind, proto=protocol, flags=0)
            for kind, _, protocol, _, place in found
        ]

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, port: int, family: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)

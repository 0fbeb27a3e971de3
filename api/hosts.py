"""Which names the HTTP door answers to, and whose pages may call it.

A browser sends what a page of any site tells it to, from inside the network it is in. ``Host`` tells us from a site
whose name was made to lead here (DNS rebinding), ``Origin`` tells our pages from those of other sites.
"""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

from api.errors import ForeignOriginError, MalformedRequestError, MisdirectedRequestError
from pycore.config import split_address

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORTS: Final = ("80", "443")


class Hosts:
    """The hosts of one door, each as it stands in ``Host``: with its port, or without where that is a usual one."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """``names`` are ``host`` or ``host:port``; without a port they are at the usual ones."""
        self._allowed: set[bytes] = set()
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Answer to ``host`` or ``host:port`` too."""
        host, port = _parts(name)
        ports = [port] if port else ["", *_USUAL_PORTS]
        if port in _USUAL_PORTS:
            ports.append("")
        self._allowed.update((f"{host}:{each}" if each else host).encode() for each in ports)

    def add_address(self, address: str) -> None:
        """Answer to the address we listen on, ``host:port``, and to this machine's own names."""
        host, port = split_address(address)
        for name in (f"[{host}]" if ":" in host else host, *_LOOPBACK):
            self.add(f"{name}:{port}")
            self.add(name)

    def check(self, scope: Scope, *, from_anywhere: bool) -> None:
        """Let a request pass that is for us and from nobody else's page.

        Args:
            scope: the request.
            from_anywhere: whether pages of other sites may send it.

        Raises:
            MalformedRequestError: it names no host, or several.
            MisdirectedRequestError: it is for somebody else.
            ForeignOriginError: a page of another site sent it.
        """
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                if host is not None:
                    raise MalformedRequestError("it has two host headers; nothing was recorded: send one")
                host = value
            elif name == b"origin":
                origin = value
        if not host:
            raise MalformedRequestError("it has no host header; nothing was recorded: send the server's name")
        if host not in self._allowed and host.lower() not in self._allowed:
            raise MisdirectedRequestError
        if origin is not None and not from_anywhere and origin.lower().partition(b"://")[2] not in self._allowed:
            raise ForeignOriginError


def _parts(name: str) -> tuple[str, str]:
    """Return host and port; an IPv6 host stands in brackets, no port is empty."""
    name = name.lower()
    end = name.rfind("]") + 1
    host, _, port = name[end:].partition(":")
    return name[:end] + host, port

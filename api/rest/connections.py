"""All connections of the HTTP door together: how many there are, whose, and what they make us keep.

Nothing is known yet of who is behind a connection, so what is full costs those who hold the most of it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import limits
from api.proxies import Proxies, origin_of

if TYPE_CHECKING:
    from api.rest.connection import Connection


class Connections:
    """Counts connections by address, the bytes that wait to be answered, and the replies that wait to be read."""

    def __init__(self, proxies: Proxies) -> None:
        """Connections of ``proxies`` are others' connections: they count in all, never by address."""
        self.open: set[Connection] = set()
        self._proxies = proxies
        self._by_origin: dict[str, set[Connection]] = {}
        self._waiting_bytes = 0
        self._unread_bytes = 0
        self._unread: dict[Connection, int] = {}
        """Replies that are not taken, the oldest first."""

    def add(self, connection: Connection, address: str) -> bool:
        """Count one more, and return whether it may stay; where all places are taken, who has most loses one."""
        self.open.add(connection)
        if not self._proxies.trust(address):
            connection.origin = origin_of(address)
            own = self._by_origin.setdefault(connection.origin, set())
            own.add(connection)
            if len(own) > limits.HTTP_CONNECTIONS_PER_ADDRESS_MAX:
                return False
            if len(self.open) > limits.HTTP_CONNECTIONS_MAX < len(own) * len(self._by_origin):
                return False
        return len(self.open) <= limits.HTTP_CONNECTIONS_MAX or self._take_place()

    def remove(self, connection: Connection) -> None:
        """Count one less."""
        self.open.discard(connection)
        self.set_waiting(connection, 0)
        self.is_read(connection)
        if connection.origin is not None and connection.origin in self._by_origin:
            own = self._by_origin[connection.origin]
            own.discard(connection)
            if not own:
                del self._by_origin[connection.origin]

    def set_waiting(self, connection: Connection, count: int) -> None:
        """Note how many bytes of a connection wait to be parsed or answered; in all too many end who has most."""
        self._waiting_bytes += count - connection.waiting_bytes
        connection.waiting_bytes = count
        if self._waiting_bytes > limits.HTTP_WAITING_BYTES_MAX:
            max(self.open, key=lambda each: each.waiting_bytes).refuse_load()

    def is_unread(self, connection: Connection, count: int) -> None:
        """Note that a reply is not taken; in all too many bytes end who has not read for longest."""
        self._unread[connection] = count
        self._unread_bytes += count
        if self._unread_bytes > limits.HTTP_UNREAD_BYTES_MAX:
            next(iter(self._unread)).abort()

    def is_read(self, connection: Connection) -> None:
        """Note that a reply is taken after all."""
        self._unread_bytes -= self._unread.pop(connection, 0)

    def _take_place(self) -> bool:
        most = max(self._by_origin.values(), key=len, default=None)
        if most is None:
            return False
        idle = next((each for each in most if not each.is_answering), None)
        (idle or next(iter(most))).abort()
        return True

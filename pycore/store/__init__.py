"""PostgreSQL for the rest of the library: an embedded server, connections, the schema."""

from pycore.store.copy_rows import copy_rows
from pycore.store.embedded import EmbeddedServer
from pycore.store.failure import is_connection_lost, is_unavailable, reason_of, unavailable_raised
from pycore.store.layout import running_dsn
from pycore.store.leftover import Progress
from pycore.store.migrations import migrate
from pycore.store.once import Made, Once
from pycore.store.pool import Connection, Pool, changing
from pycore.store.store import OpenStore, Store

__all__ = [
    "Connection",
    "EmbeddedServer",
    "Made",
    "Once",
    "OpenStore",
    "Pool",
    "Progress",
    "Store",
    "changing",
    "copy_rows",
    "is_connection_lost",
    "is_unavailable",
    "migrate",
    "reason_of",
    "running_dsn",
    "unavailable_raised",
]

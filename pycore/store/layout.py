"""Where the embedded server keeps its things inside the data folder.

| path | what | owner |
|---|---|---|
| ``lock`` | held by the one process that uses the folder; names it | we |
| ``postgres/cluster/`` | PostgreSQL's own folder (PGDATA) | the user the server runs as |
| ``postgres/socket/`` | its Unix socket, mode 0700; elsewhere when this path is too long for a socket | the same |
| ``postgres/password`` | the database password in libpq's format, mode 0600 | we |
| ``postgres/server.lock`` | held by the server and all its processes for as long as one of them lives | we |
| ``postgres/server.log`` | the server's messages | we |
| ``postgres/reserve`` | room on the disk that is let go when it is full | we |
| ``postgres/dsn`` | how to connect while the server runs; the password is not in it | we |
"""

from pathlib import Path
from urllib.parse import urlencode

USER = "pycore"
DATABASE = "pycore"
PORT = 5432
"""Only a part of the socket's file name: the server listens on no network."""

_SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un.sun_path has 108 bytes, the last one is zero


class Layout:
    """The paths of one data folder; see the table above."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process_lock = data / "lock"
        self.postgres = data / "postgres"
        self.cluster = self.postgres / "cluster"
        self.cluster_unfinished = self.postgres / "cluster.unfinished"
        """A cluster being made; it gets its name when it is whole."""
        self.postmaster_file = self.cluster / "postmaster.pid"
        """PostgreSQL's own note of its process and its state."""
        self.socket_folder = self.postgres / "socket"
        self.password = self.postgres / "password"
        self.server_lock = self.postgres / "server.lock"
        self.server_log = self.postgres / "server.log"
        self.reserve = self.postgres / "reserve"
        self.dsn_file = self.postgres / "dsn"

    def dsn(self, socket_folder: Path, database: str = DATABASE) -> str:
        """Return the connection string; the password is read from its file by whoever connects."""
        query = urlencode({"host": str(socket_folder), "port": PORT, "passfile": str(self.password)}, safe="/")
        return f"postgresql://{USER}@/{database}?{query}"


def socket_path_fits(folder: Path) -> bool:
    """Return whether a socket in this folder can be opened and named in a connection string."""
    path = str(folder / f".s.PGSQL.{PORT}")
    return len(path.encode()) <= _SOCKET_PATH_BYTES_MAX and path.isprintable() and "," not in path


def running_dsn(data: Path) -> str | None:
    """Return how to connect to the embedded server that another process runs on this data folder, or None."""
    try:
        return Layout(data.absolute()).dsn_file.read_text().strip()
    except OSError:
        return None

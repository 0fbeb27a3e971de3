"""Which user the embedded server runs as: we ourselves, or another one when we are root, which PostgreSQL refuses."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from pycore.errors import DatabaseStartError

_ROOT = 0
_USUAL_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Owner:
    """The user and group a cluster belongs to. ``user`` is -1 where that is simply us."""

    user: int = -1
    group: int = -1

    def own(self, path: Path) -> None:
        """Give one file or folder of ours to the owner."""
        if self.user >= 0:
            os.lchown(path, self.user, self.group)

    def own_all(self, folder: Path) -> None:
        """Give a folder and everything in it to the owner; links are not followed."""
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                self.own(Path(parent, name))
        self.own(folder)


def owner_of(cluster: Path, configured: str | None) -> Owner:
    """Return who owns the cluster, or shall own it when it is not there yet.

    Args:
        cluster: PostgreSQL's folder. If it exists its owner stays, whatever is configured.
        configured: the user to take when we are root; None: ``postgres`` where it exists, else ``nobody``.

    Raises:
        DatabaseStartError: the folder belongs to somebody else and we are not root, or no user can be found.
    """
    found = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != _ROOT:
        if found not in (None, os.geteuid()):
            raise DatabaseStartError(
                f"{cluster} belongs to user {_name(found)}, and we are {_name(os.geteuid())}; nothing was changed:"
                f" start as {_name(found)} or as root, or use another data folder"
            )
        return Owner()
    if found not in (None, _ROOT):
        return Owner(cluster.stat().st_uid, cluster.stat().st_gid)
    for name in (configured,) if configured else _USUAL_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != _ROOT:
            return Owner(entry.pw_uid, entry.pw_gid)
    raise DatabaseStartError(
        f"PostgreSQL refuses to run as root, and there is no ordinary user {configured or ' or '.join(_USUAL_USERS)};"
        " nothing was changed: create one and name it (store.postgres_user), start as an ordinary user, or give a dsn"
    )


def _name(user: int | None) -> str:
    try:
        return pwd.getpwuid(user).pw_name if user is not None else "?"
    except KeyError:
        return str(user)

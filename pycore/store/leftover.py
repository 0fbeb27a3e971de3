"""Servers that outlive the process that started them: found, stopped, waited for. Never two on one cluster.

When our process is killed, its server is told by the kernel to shut down, which takes a moment. The server's lock is
held by all its processes, so a free lock proves that none is left, in whatever container or process tree it lived.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pycore.errors import DataFolderInUseError
from pycore.store.folder_lock import FolderLock
from pycore.store.layout import PORT, Layout

Progress = Callable[[str], None]

_PROCESSES = Path("/proc")
_POLL_SECONDS = 0.05
_PROGRESS_SECONDS = 2.0

# What to send, and after how many seconds. Every one of these is safe: the log is replayed at the next start. A server
# that is told to stop while it recovers may never do so (seen with 18.6), hence little patience.
_FOR_A_SERVER = ((0.0, signal.SIGINT), (5.0, signal.SIGQUIT), (20.0, signal.SIGKILL))
_FOR_ITS_REMAINS = ((0.2, signal.SIGQUIT), (10.0, signal.SIGKILL))


async def clear_leftover(layout: Layout, socket_folder: Path, progress: Progress) -> None:
    """Return when no PostgreSQL process works on the cluster and no stale file is in the way of a new one.

    Raises:
        DataFolderInUseError: a server that we did not start runs on the cluster.
    """
    await _wait_for_lock(layout, progress)
    if not (_PROCESSES / "self" / "cwd").exists():
        return  # PostgreSQL's own checks must do; they are only less patient
    postmaster = postmaster_pid(layout)
    # In a thread: a server that cannot start is tried again and again, while callers are answered.
    if postmaster is not None and postmaster in await asyncio.to_thread(_processes_in, layout.cluster):
        raise DataFolderInUseError(
            f"a PostgreSQL server that this software did not start (process {postmaster}) runs on {layout.cluster};"
            " nothing was changed: stop it first"
        )
    # Left by a server that was killed. The process id inside may be another program's by now, and then PostgreSQL would
    # refuse to start for its sake.
    for stale in (
        layout.postmaster_file,
        socket_folder / f".s.PGSQL.{PORT}.lock",
        socket_folder / f".s.PGSQL.{PORT}",
    ):
        stale.unlink(missing_ok=True)


def postmaster_pid(layout: Layout) -> int | None:
    """Return the process id PostgreSQL noted down, or None."""
    try:
        return abs(int(layout.postmaster_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return None


async def _wait_for_lock(layout: Layout, progress: Progress) -> None:
    lock = FolderLock(layout.server_lock)
    started = time.monotonic()
    told = -_PROGRESS_SECONDS
    sent: set[tuple[int, signal.Signals]] = set()
    while not lock.take():
        waited = time.monotonic() - started
        if waited - told >= _PROGRESS_SECONDS:
            progress(f"waiting for the database server of the last run to finish ({waited:.0f} s)")
            told = waited
        _hasten(layout, waited, sent)
        await asyncio.sleep(_POLL_SECONDS)
    lock.release()


def _hasten(layout: Layout, waited: float, sent: set[tuple[int, signal.Signals]]) -> None:
    """Send the signal that is due to the server's first process, or to what is left when that one is gone."""
    processes = _processes_in(layout.cluster)
    server = [process for process in processes if process == postmaster_pid(layout)]
    for after, number in _FOR_A_SERVER if server else _FOR_ITS_REMAINS:
        if waited < after:
            continue
        for process in processes if number == signal.SIGKILL or not server else server:
            if (process, number) not in sent:
                sent.add((process, number))
                with suppress(ProcessLookupError):
                    os.kill(process, number)


def _processes_in(cluster: Path) -> list[int]:
    """Return the processes whose working folder is the cluster: PostgreSQL goes there first thing and stays."""
    found = []
    for entry in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            if Path(entry, "cwd").readlink() == cluster:
                found.append(int(entry.name))
    return found

"""The room on the disk under the embedded database: writes are refused before PostgreSQL meets the end of it.

PostgreSQL that cannot extend its log ends at once, and cannot recover without room: then nothing can be read
either. So writes end while there is still room for it, and a reserve that is let go then pays for what is under way.
"""

import asyncio
import os
from pathlib import Path
from typing import Final

import structlog

from pycore.errors import LedgerUnavailableError
from pycore.store.failure import RETRY_AFTER_MS

log = structlog.get_logger()

FULL_BYTES: Final = 64 << 20
"""With less room than this nothing new is written: a few segments of PostgreSQL's log, 16 MiB each."""
RESERVE_BYTES: Final = 64 << 20
"""What the reserve holds."""
RESUME_BYTES: Final = FULL_BYTES + 2 * RESERVE_BYTES
"""With this much room writes go on: the reserve fits again, and letting it go alone never counts as room."""
_LOOK_SECONDS: Final = 0.1


class DiskSpace:
    """Tells whether there is room to write, and keeps the reserve.

    Args:
        folder: a folder on the database's disk.
        reserve: the file that holds the reserve.
    """

    def __init__(self, folder: Path, reserve: Path) -> None:
        self._folder = folder
        self._reserve = reserve
        self.is_full = False
        """Whether writes are refused now."""

    async def watch(self) -> None:
        """Look again and again; runs until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Find out how much room there is; let the reserve go, or take it back."""
        room = self._room()
        if room < FULL_BYTES and not self.is_full:
            self.is_full = True
            self._reserve.unlink(missing_ok=True)
            log.error("the database's disk is full and writes are refused", free_mib=room >> 20)
        elif self.is_full and room >= RESUME_BYTES:
            self.is_full = False
            log.info("the database's disk has room again", free_mib=room >> 20)
        if not self.is_full and room >= RESUME_BYTES and not self._reserve.exists():
            self._take_reserve()

    def refuse_when_full(self) -> None:
        """Raise LedgerUnavailableError where there is no room to write."""
        if self.is_full:
            raise LedgerUnavailableError(
                "the database's disk is full; nothing was recorded: send the request again a little later",
                retry_after_ms=RETRY_AFTER_MS,
            )

    def _room(self) -> int:
        disk = os.statvfs(self._folder)
        # Some file systems do not tell.
        return disk.f_bavail * disk.f_frsize if disk.f_blocks else RESUME_BYTES

    def _take_reserve(self) -> None:
        if not hasattr(os, "posix_fallocate"):  # macOS
            return
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        except OSError as error:
            self._reserve.unlink(missing_ok=True)
            log.warning("no room is reserved for a full disk", reason=error.strerror)
        finally:
            os.close(descriptor)

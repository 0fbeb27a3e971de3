"""A lock on a file: held by one process at a time, given back by the kernel whenever that process ends."""

import fcntl
import os
from pathlib import Path


class FolderLock:
    """An exclusive lock whose file names its holder, so that others can say who that is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if nobody holds it; return whether it is ours now."""
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """Return the process id its holder wrote down, for messages only; empty where none is known."""
        return self.file.read_text().strip() if self.file.exists() else ""

    def release(self) -> None:
        """Give the lock back. The file stays: deleting it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

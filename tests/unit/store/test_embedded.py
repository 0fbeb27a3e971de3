"""The embedded server: it keeps data, dies with us, comes back after every kind of death, and is never there twice."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from pycore.config import StoreSettings
from pycore.errors import DatabaseStartError, DataFolderInUseError, LedgerUnavailableError
from pycore.store import EmbeddedServer, Store, running_dsn
from pycore.store.layout import Layout

HOLDER = Path(__file__).with_name("holder.py")
ROOT = Path(__file__).parents[3]

Holder = Callable[[], tuple[subprocess.Popen[str], int]]


def server_of(folder: Path, told: list[str] | None = None) -> EmbeddedServer:
    return EmbeddedServer(
        StoreSettings(data=str(folder), shared_buffers_mib=32), progress=(told if told is not None else []).append
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def insert(dsn: str, number: int) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (number integer)")
    await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()


async def kept(dsn: str) -> list[int]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT number FROM kept ORDER BY number")
    await connection.close()
    return [row["number"] for row in rows]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def holder(data: Path) -> Iterator[Holder]:
    """Start another process that runs a server on the folder; returns it and its server's process id."""
    started: list[subprocess.Popen[str]] = []
    servers: list[int] = []

    def start() -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, HOLDER, data],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        )
        started.append(process)
        assert process.stdout is not None
        servers.append(int(process.stdout.readline()))
        return process, servers[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for pid in servers:  # a failed test must not leave its server behind
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() == Layout(data).cluster:
                os.kill(pid, signal.SIGKILL)


async def test_a_reopened_folder_holds_what_was_committed(data: Path) -> None:
    for number in (1, 2):
        server = server_of(data)
        await server.start()
        await insert(server.dsn, number)
        pid = server.pid
        assert pid is not None
        await server.stop()
        assert not alive(pid)
        assert server.pid is None
    server = server_of(data)
    await server.start()
    assert await kept(server.dsn) == [1, 2]
    await server.stop()


async def test_the_server_is_made_with_checksums_a_password_and_no_network(data: Path) -> None:
    server = server_of(data)
    await server.start()
    connection = await asyncpg.connect(server.dsn)
    shown = {
        name: await connection.fetchval("SELECT current_setting($1)", name)
        for name in ("data_checksums", "listen_addresses", "fsync", "full_page_writes", "synchronous_commit")
    }
    assert shown == {
        "data_checksums": "on",
        "listen_addresses": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
    }
    assert await connection.fetchval(
        "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'pycore'"
    )
    await connection.close()
    layout = Layout(data)
    assert stat.S_IMODE(layout.password.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.cluster.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.socket_folder.stat().st_mode) == 0o700
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn.partition("&passfile")[0], password="guess", passfile="/dev/null")
    await server.stop()


async def test_the_connection_string_is_there_for_others_while_the_server_runs_and_holds_no_password(
    data: Path,
) -> None:
    assert running_dsn(data) is None
    server = server_of(data)
    await server.start()
    dsn = running_dsn(data)
    assert dsn == server.dsn
    password = Layout(data).password.read_text().strip().rpartition(":")[2]
    assert password
    assert password not in dsn
    await server.stop()
    assert running_dsn(data) is None


async def test_a_second_process_is_refused_with_cause_and_next_step(data: Path, holder: Holder) -> None:
    process, _ = holder()
    with pytest.raises(DataFolderInUseError, match=rf"used by another process \({process.pid}\).*stop that process"):
        await server_of(data).start()


async def test_a_second_server_in_the_same_process_is_refused_and_does_not_disturb_the_first(data: Path) -> None:
    first = server_of(data)
    await first.start()
    with pytest.raises(DataFolderInUseError):
        await server_of(data).start()
    await insert(first.dsn, 1)
    assert running_dsn(data) == first.dsn
    await first.stop()


async def test_the_server_dies_with_us_by_itself(data: Path, holder: Holder) -> None:
    """The kernel forgets the signal for a parent's death when the child gains privileges or changes its user.

    As root the test's folder is closed to the server's user, so the server keeps capabilities, the hardest case.
    """
    process, orphan = holder()
    process.kill()
    deadline = time.monotonic() + 30
    while alive(orphan):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_the_server_dies_with_us_and_the_folder_can_be_opened_at_once(data: Path, holder: Holder) -> None:
    """A process killed with SIGKILL cannot stop its server; the next process must never meet that server."""
    for number in range(3):
        process, orphan = holder()
        dsn = running_dsn(data)
        assert dsn is not None
        await insert(dsn, number)
        process.kill()
        server = server_of(data)
        await server.start()
        assert not alive(orphan)
        assert await kept(server.dsn) == list(range(number + 1))
        await server.stop()


async def test_a_server_that_ignores_our_death_is_stopped_before_the_next_one_starts(
    data: Path, holder: Holder
) -> None:
    """A stopped (SIGSTOP) server gets the signal of our death but does not act on it until it runs again."""
    process, orphan = holder()
    os.kill(orphan, signal.SIGSTOP)
    process.kill()
    process.wait()
    told: list[str] = []
    server = server_of(data, told)
    start = asyncio.create_task(server.start())
    await asyncio.sleep(0.5)
    assert not start.done()
    assert alive(orphan)
    assert any("waiting for the database server of the last run" in message for message in told)
    os.kill(orphan, signal.SIGCONT)
    await start
    assert not alive(orphan)
    await server.stop()


async def test_our_and_the_servers_death_at_once_leaves_backends_that_are_waited_for(
    data: Path, holder: Holder
) -> None:
    process, orphan = holder()
    dsn = running_dsn(data)
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)"))
    await asyncio.sleep(0.2)
    os.kill(orphan, signal.SIGKILL)
    process.kill()
    server = server_of(data)
    await server.start()
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await busy
    await insert(server.dsn, 1)
    await server.stop()


async def test_a_killed_server_is_started_again_and_the_pool_goes_on(data: Path, tmp_path: Path) -> None:
    settings = StoreSettings(data=str(data), shared_buffers_mib=32)
    async with Store.open(settings, progress=lambda _: None, migrations=tmp_path) as store:
        assert store.server is not None
        await insert(store.dsn, 1)
        for _ in range(2):
            killed = store.server.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            with contextlib.suppress(LedgerUnavailableError):
                while await store.ready():
                    await asyncio.sleep(0.01)
            deadline = time.monotonic() + 30
            while not await store.ready():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            assert store.server.pid != killed
        assert await kept(store.dsn) == [1]
        killed = store.server.pid
    assert killed is not None
    assert not alive(killed)


async def test_a_server_uses_all_cores_where_we_keep_to_one(data: Path, all_cores: set[int]) -> None:
    server = server_of(data)
    await server.start()
    assert server.pid is not None
    assert os.sched_getaffinity(server.pid) == all_cores
    await server.stop()


async def test_a_killed_server_and_a_reopened_folder(data: Path) -> None:
    server = server_of(data)
    await server.start()
    await insert(server.dsn, 1)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.stop()
    told: list[str] = []
    server = server_of(data, told)
    await server.start()
    assert await kept(server.dsn) == [1]
    assert any("recovery" in message or "redo" in message for message in told), told
    await server.stop()


async def test_a_stale_file_that_names_a_living_process_is_not_believed(data: Path) -> None:
    """After a reboot the noted process id may belong to any other program of the same user.

    PostgreSQL alone would then refuse to start until somebody deletes its file by hand.
    """
    server = server_of(data)
    await server.start()
    await server.stop()
    layout = Layout(data)
    user = layout.cluster.stat().st_uid
    other = subprocess.Popen(["sleep", "600"], user=user if os.geteuid() == 0 else None, cwd="/")  # noqa: ASYNC220
    try:
        stale = f"{other.pid}\n{layout.cluster}\n1\n5432\n{layout.socket_folder}\n\n\nready   \n"
        layout.postmaster_file.write_text(stale)
        (layout.socket_folder / ".s.PGSQL.5432.lock").write_text(stale)
        server = server_of(data)
        await server.start()
        await insert(server.dsn, 1)
        await server.stop()
    finally:
        other.kill()
        other.wait()


async def test_an_interrupted_creation_is_begun_again(data: Path) -> None:
    layout = Layout(data)
    layout.cluster_unfinished.mkdir(parents=True)
    (layout.cluster_unfinished / "PG_VERSION").write_text("1")
    server = server_of(data)
    await server.start()
    await insert(server.dsn, 1)
    assert not layout.cluster_unfinished.exists()
    await server.stop()


async def test_a_cancelled_start_leaves_no_process_and_no_lock(data: Path) -> None:
    server = server_of(data)
    await server.start()
    await server.stop()
    server = server_of(data)
    start = asyncio.create_task(server.start())
    while server.pid is None:
        await asyncio.sleep(0)
    pid = server.pid
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not alive(pid)
    server = server_of(data)
    await server.start()
    await server.stop()


async def test_a_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    server = server_of(folder)
    await server.start()
    await insert(server.dsn, 1)
    elsewhere = server._socket_folder
    assert elsewhere.parent in (Path(tempfile.gettempdir()), Path("/tmp"))
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    await server.stop()
    assert not elsewhere.exists()


@pytest.mark.parametrize("name", ["with space", "comma,quote'\"", "数据", "per%20cent&host=x"])
async def test_odd_folder_names(tmp_path: Path, name: str) -> None:
    server = server_of(tmp_path / name)
    await server.start()
    await insert(server.dsn, 1)
    assert await kept(server.dsn) == [1]
    await server.stop()


async def test_a_cluster_of_another_version_is_refused_untouched(data: Path) -> None:
    layout = Layout(data)
    layout.cluster.mkdir(parents=True)
    layout.password.write_text("x")
    (layout.cluster / "PG_VERSION").write_text("9\n")
    with pytest.raises(DatabaseStartError, match=r"made by PostgreSQL 9.*not installed.*nothing was changed"):
        await server_of(data).start()
    assert [file.name for file in layout.cluster.iterdir()] == ["PG_VERSION"]


async def test_a_damaged_cluster_is_refused_with_the_servers_own_words(data: Path) -> None:
    server = server_of(data)
    await server.start()
    await server.stop()
    (Layout(data).cluster / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(DatabaseStartError, match="pg_control"):
        await server_of(data).start()
    # The refusal lets the folder go.
    with pytest.raises(DatabaseStartError):
        await server_of(data).start()


async def test_a_missing_password_file_is_refused(data: Path) -> None:
    server = server_of(data)
    await server.start()
    await server.stop()
    Layout(data).password.unlink()
    with pytest.raises(DatabaseStartError, match=r"password file .* is missing"):
        await server_of(data).start()


async def test_a_data_folder_that_is_a_file_is_refused(data: Path) -> None:
    data.write_text("")
    with pytest.raises(DatabaseStartError, match="cannot be used"):
        await server_of(data).start()

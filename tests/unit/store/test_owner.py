"""As root: the server runs as somebody else, and nothing but its own folder changes hands."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pycore.config import StoreSettings
from pycore.errors import DatabaseStartError
from pycore.store import EmbeddedServer
from pycore.store.layout import Layout
from pycore.store.owner import owner_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="pycore-test-"))
    yield made
    shutil.rmtree(made)


def status_of(server: EmbeddedServer) -> dict[str, str]:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def start(data: Path, user: str | None = None) -> EmbeddedServer:
    server = EmbeddedServer(
        StoreSettings(data=str(data), shared_buffers_mib=32, postgres_user=user), progress=lambda _: None
    )
    await server.start()
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS written (number integer)")
    await connection.close()
    return server


@pytest.mark.parametrize(("mode", "keeps_capabilities"), [(0o755, False), (0o700, True)])
async def test_a_closed_folder_above_stays_closed_and_the_server_runs_all_the_same(
    folder: Path, mode: int, keeps_capabilities: bool
) -> None:
    """A clone under /root: opening the folder would be wrong, running PostgreSQL as root impossible."""
    folder.chmod(mode)
    data = folder / "data"
    for _ in range(2):
        server = await start(data)
        status = status_of(server)
        assert status["Uid"].split()[1] != "0"
        assert (int(status["CapEff"], 16) != 0) == keeps_capabilities
        assert int(status["CapEff"], 16) & ~0b110 == 0  # at most: pass folders, read files
        await server.stop()
    assert stat.S_IMODE(folder.stat().st_mode) == mode
    for ours in (folder, data, data / "postgres", Layout(data).password, Layout(data).server_log):
        assert ours.stat().st_uid == 0
    assert Layout(data).cluster.stat().st_uid != 0


async def test_the_configured_user_gets_a_new_cluster_and_an_old_one_stays_with_its_user(folder: Path) -> None:
    data = folder / "data"
    server = await start(data, "nobody")
    nobody = Layout(data).cluster.stat().st_uid
    assert status_of(server)["Uid"].split()[1] == str(nobody)
    await server.stop()
    server = await start(data)
    assert status_of(server)["Uid"].split()[1] == str(nobody)
    await server.stop()


async def test_a_cluster_that_root_copied_is_given_to_a_user_again(folder: Path) -> None:
    server = await start(folder / "data")
    await server.stop()
    shutil.copytree(folder / "data", folder / "copy")
    Layout(folder / "copy").cluster.chmod(0o755)
    assert Layout(folder / "copy").cluster.stat().st_uid == 0
    server = await start(folder / "copy")
    await server.stop()
    assert Layout(folder / "copy").cluster.stat().st_uid != 0


def test_a_user_that_does_not_exist_or_is_root_is_refused(folder: Path) -> None:
    for wrong in ("no-such-user", "root"):
        with pytest.raises(DatabaseStartError, match="refuses to run as root"):
            owner_of(folder / "cluster", wrong)


def test_somebody_elses_cluster_is_refused_to_an_ordinary_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(DatabaseStartError, match="belongs to user root, and we are 12345"):
        owner_of(folder, None)

"""The room on the disk: writes end before PostgreSQL meets the end of it, and go on when there is room again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pycore.config import StoreSettings
from pycore.errors import LedgerUnavailableError
from pycore.store.pool import changing, open_pool
from pycore.store.space import FULL_BYTES, RESERVE_BYTES, RESUME_BYTES, DiskSpace


class _Disk:
    """What the system says of a disk."""

    f_frsize, f_blocks = 1, 1 << 40

    def __init__(self, room: int) -> None:
        self.f_bavail = room


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    disk = _Disk(RESUME_BYTES)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    return disk


def test_s6_writes_end_and_the_reserve_goes_before_the_disk_is_full(disk: _Disk, tmp_path: Path) -> None:
    """PostgreSQL that could not extend its log ended, could not recover, and no read was answered any more."""
    space = DiskSpace(tmp_path, reserve := tmp_path / "reserve")
    space.look()
    space.refuse_when_full()
    assert reserve.stat().st_size == RESERVE_BYTES
    disk.f_bavail = FULL_BYTES - 1
    space.look()
    assert not reserve.exists()
    with pytest.raises(LedgerUnavailableError, match="disk is full; nothing was recorded"):
        space.refuse_when_full()
    # The reserve that was let go is no room to write in.
    disk.f_bavail = FULL_BYTES - 1 + RESERVE_BYTES
    space.look()
    assert space.is_full
    disk.f_bavail = RESUME_BYTES
    space.look()
    space.refuse_when_full()
    assert reserve.exists()


def test_a_disk_that_tells_nothing_is_not_full(disk: _Disk, tmp_path: Path) -> None:
    disk.f_blocks = disk.f_bavail = 0
    space = DiskSpace(tmp_path, tmp_path / "reserve")
    space.look()
    space.refuse_when_full()


async def test_s6_changes_of_rows_are_refused_too_and_reads_are_not(
    disk: _Disk, tmp_path: Path, database_dsn: str
) -> None:
    space = DiskSpace(tmp_path, tmp_path / "reserve")
    pool = await open_pool(database_dsn, StoreSettings(), space)
    try:
        disk.f_bavail = 0
        space.look()
        with pytest.raises(LedgerUnavailableError, match="disk is full"):
            async with changing(pool):
                pass
        assert await pool.fetchval("SELECT 1") == 1
    finally:
        await pool.close()

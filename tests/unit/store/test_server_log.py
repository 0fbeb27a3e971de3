"""The server's messages."""

from pathlib import Path

from pycore.store.server_log import ServerLog


def test_new_messages_are_whole_lines_since_the_last_look(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "server.log")
    (tmp_path / "server.log").write_text("old\n")
    with log.open() as output:
        output.write(b"2026-01-02 03:04:05.678 UTC [12] LOG:  redo in progress, elapsed time: 1.00 s\nhalf")
        output.flush()
        assert log.new_messages() == ["redo in progress, elapsed time: 1.00 s"]
        assert log.new_messages() == []
        output.write(b" a line\xff\n")
    assert log.new_messages() == ["half a line\ufffd"]
    assert log.last_words().startswith("2026-01-02")
    assert "old" not in log.last_words()


def test_a_large_file_is_put_aside_at_a_start(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "server.log")
    (tmp_path / "server.log").write_bytes(b"x" * (17 * 1024 * 1024))
    log.open().close()
    assert (tmp_path / "server.log").stat().st_size == 0
    assert (tmp_path / "server.log.1").stat().st_size == 17 * 1024 * 1024

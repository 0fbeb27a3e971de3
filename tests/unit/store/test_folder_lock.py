"""The lock on a folder."""

import os
from pathlib import Path

from pycore.store.folder_lock import FolderLock


def test_one_holder_at_a_time_and_others_learn_who_it_is(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    assert first.holder() == ""
    assert first.take()
    assert not second.take()
    assert second.holder() == str(os.getpid())
    first.release()
    first.release()
    assert second.take()
    second.release()
    assert (tmp_path / "lock").exists()

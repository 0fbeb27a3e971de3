"""Threads that are kept on one core, and what is let go from it again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pycore.channels.signing_pool import SigningPool
from pycore.cores import share_one_core, use_all_cores


def cores(process: int = 0) -> set[int]:
    return os.sched_getaffinity(process)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_threads_and_those_they_start_share_the_core_of_one(all_cores: set[int], thread: ThreadPoolExecutor) -> None:
    use_all_cores()
    assert thread.submit(cores).result() == cores() == all_cores
    share_one_core()
    with ThreadPoolExecutor(1) as later:
        kept = later.submit(cores).result()
    assert len(kept) == 1
    assert thread.submit(cores).result() == cores() == kept


def test_a_process_just_started_may_use_all(all_cores: set[int]) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert cores(process.pid) == cores() < all_cores
        use_all_cores(process.pid)
        assert cores(process.pid) == all_cores
    assert cores() < all_cores


async def test_signatures_are_computed_on_any_core(all_cores: set[int]) -> None:
    pool = SigningPool(1)
    assert await pool.run(cores) == all_cores > cores()
    pool.close()

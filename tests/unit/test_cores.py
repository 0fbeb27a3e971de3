"""Threads that are kept on one core, and what is let go from it again."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pycore.channels.signing_pool import SigningPool
from pycore.cores import share_one_core, use_all_cores

if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
    pytest.skip("needs Linux and two cores", allow_module_level=True)

CORES = os.sched_getaffinity(0)


def cores(process: int = 0) -> set[int]:
    return os.sched_getaffinity(process)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """A thread of its own: what it is kept to ends with it."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(share_one_core).result()
        yield executor


def test_a_thread_and_those_it_starts_share_one_core(thread: ThreadPoolExecutor) -> None:
    def cores_of_another() -> set[int]:
        with ThreadPoolExecutor(1) as another:
            return another.submit(cores).result()

    kept = thread.submit(cores).result()
    assert len(kept) == 1
    assert kept < CORES
    assert thread.submit(cores_of_another).result() == kept
    assert cores() == CORES


def test_it_may_use_all_again(thread: ThreadPoolExecutor) -> None:
    thread.submit(use_all_cores).result()
    assert thread.submit(cores).result() == CORES


def test_a_process_it_started_may_use_all(thread: ThreadPoolExecutor) -> None:
    def started() -> tuple[set[int], set[int]]:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            before = cores(process.pid)
            use_all_cores(process.pid)
            return before, cores(process.pid)

    before, after = thread.submit(started).result()
    assert len(before) == 1
    assert after == CORES


def test_signatures_are_computed_on_any_core(thread: ThreadPoolExecutor) -> None:
    async def cores_of_a_signer() -> set[int]:
        pool = SigningPool(1)
        try:
            return await pool.run(cores)
        finally:
            pool.close()

    assert thread.submit(lambda: asyncio.run(cores_of_a_signer())).result() == CORES

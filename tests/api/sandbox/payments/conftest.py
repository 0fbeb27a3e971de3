"""A sandbox for tests that turn its clock far ahead: its own process, so that others keep their time."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.sandbox.payments.paying import Till, open_till
from tests.api.sandbox.simulated import Sandbox


def _start(shared: Sandbox, data: Path) -> Sandbox:
    for channel in ("wechat", "alipay", "unionpay"):
        shutil.copytree(shared.folder / channel, data / "sandbox" / channel)
    return Sandbox(data)


@pytest.fixture(scope="session")
def turned_sandbox(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = _start(shared_sandbox, tmp_path_factory.mktemp("turned"))
    yield sandbox
    assert sandbox.end() == 0


@pytest.fixture(scope="session")
def timely_sandbox(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One whose clock nobody turns."""
    sandbox = _start(shared_sandbox, tmp_path_factory.mktemp("timely"))
    yield sandbox
    assert sandbox.end() == 0


@pytest.fixture
def sandbox(turned_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield turned_sandbox
    turned_sandbox.control("DELETE", "/faults")


@pytest.fixture
async def till(database_dsn: str, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Till]:
    async with open_till(database_dsn, tmp_path, sandbox) as till:
        yield till

"""One sandbox for the whole run, one inbox per test. Tests that turn the world upside down start their own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.api.sandbox.simulated import Inbox, Sandbox


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    assert sandbox.end() == 0


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The shared one, without faults left by others."""
    yield shared_sandbox
    shared_sandbox.control("DELETE", "/faults")


@pytest.fixture
def keyed_folder(shared_sandbox: Sandbox, tmp_path: Path) -> Path:
    """A data folder that has keys already: making them takes seconds."""
    for channel in ("wechat", "alipay", "unionpay"):
        shutil.copytree(shared_sandbox.folder / channel, tmp_path / "sandbox" / channel)
    return tmp_path


@pytest.fixture
def own_sandbox(keyed_folder: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(keyed_folder)
    yield sandbox
    assert sandbox.end() == 0


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    made = Inbox()
    application = web.Application()
    application.router.add_post("/notify", made.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notify"
    yield made
    await runner.cleanup()

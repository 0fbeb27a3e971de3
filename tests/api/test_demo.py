"""``make run`` as a new user meets it: everything there, a first payment in three commands, nothing left behind."""

import asyncio
import json
import shutil
import signal
import socket
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.demo_process import running
from tests.api.sandbox.payments.paying import eventually
from tests.api.server_process import ROOT, arguments


def first_payment() -> list[str]:
    """The three commands of the README."""
    block = (ROOT / "README.md").read_text().split("## A first payment")[1].split("```sh")[1].split("```")[0]
    commands = block.replace("\\\n", " ").strip().split("\ncurl ")
    assert len(commands) == 3
    return [f"curl {command.removeprefix('curl ')}" for command in commands]


async def run(command: str) -> Any:
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return json.loads(output)


async def gone(address: str) -> bool:
    """Whether nobody listens there any more."""
    host, _, port = address.rpartition(":")
    with closing(socket.socket()) as caller:
        return caller.connect_ex((host, int(port))) != 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl in PATH")
async def test_the_readmes_first_payment(database_dsn: str, tmp_path: Path) -> None:
    async with running(database_dsn, tmp_path) as demo:
        assert demo.said("key").startswith("sk_test_")
        key_file = tmp_path / "demo.key"
        assert key_file.read_text().strip() == demo.said("key")
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        places = {"localhost:7480": demo.http, "localhost:7490": demo.sandbox, "data/demo.key": str(key_file)}
        commands = first_payment()
        for said, here in places.items():
            assert any(said in command for command in commands)
            commands = [command.replace(said, here) for command in commands]
        asked = await run(commands[0])
        assert asked["status"] == "requires_action"
        assert asked["cashier_url"].startswith(f"http://{demo.http}/pay/")
        assert (await run(commands[1]))["state"] == "paid"

        async def looked_at() -> str:
            return str((await run(commands[2]))["data"][0]["status"])

        await eventually(looked_at, lambda status: status == "succeeded")
        # What it prints to try is the same.
        printed = "\n".join(demo.lines).partition("look at it\n")[2].replace("\\\n", " ")
        for said, here in places.items():
            printed = printed.replace(here.replace("127.0.0.1", "localhost"), said)
        assert printed.split() == " ".join(first_payment()).split()


async def test_it_stops_with_its_simulators_and_begins_again_with_its_merchant(
    database_dsn: str, tmp_path: Path
) -> None:
    async with running(database_dsn, tmp_path) as demo:
        key, store = demo.said("key"), demo.said("cashier")
        places = demo.http, demo.sandbox
        assert await demo.stop(signal.SIGINT) == 0
    assert [await gone(place) for place in places] == [True, True]
    async with running(database_dsn, tmp_path) as demo:
        assert demo.said("key") == key
        assert demo.said("cashier").rpartition("/")[2] == store.rpartition("/")[2]
        sandbox = demo.sandbox
        await demo.stop(signal.SIGKILL)
        # Nobody told the simulators: they notice.
        await eventually(lambda: gone(sandbox), lambda is_gone: is_gone)
    # A key of another database is no use.
    (tmp_path / "demo.key").write_text("sk_test_of_another_world\n")
    async with running(database_dsn, tmp_path) as demo:
        assert demo.said("key") not in {key, "sk_test_of_another_world"}
        assert (tmp_path / "demo.key").read_text().strip() == demo.said("key")
        assert await demo.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("option", ["--http", "--sandbox"])
async def test_a_busy_port_is_told(database_dsn: str, tmp_path: Path, option: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as busy:
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments(database_dsn, tmp_path),
            *("--demo", "--sandbox", "127.0.0.1:0", option, address),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert f"on {address}" in told.decode()
    assert "Traceback" not in told.decode()

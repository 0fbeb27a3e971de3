"""``python -m api`` as an operator meets it: it says what it does, stops cleanly, and finds everything again."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from pycore.ids import new_id
from pycore.ledger import Account, CreateAccountStatus, Transfer
from tests.api.server_process import ROOT, arguments, running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_starts_stops_and_finds_everything_again(
    database_dsn: str, tmp_path: Path, number: signal.Signals
) -> None:
    transfer = Transfer(id=new_id(), debit_account_id=1, credit_account_id=2, amount=5, ledger=1, code=1)
    async with running(database_dsn, tmp_path) as server:
        key_file = tmp_path / "operator.key"
        assert any(line.startswith(f"an operator's key was made, and is in {key_file}") for line in server.lines)
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        async with server.operator() as client:
            await client.create_accounts([Account(id=id, ledger=1, code=1) for id in (1, 2)])
            await client.create_transfers([transfer])
        assert await server.stop(number) == 0
    assert server.lines[-1] == "stopped"

    async with running(database_dsn, tmp_path) as server:
        assert not any("key was made" in line for line in server.lines)
        async with server.operator() as client:
            assert (await client.lookup_transfers([transfer.id]))[0].amount == 5
            results = await client.create_accounts([Account(id=1, ledger=1, code=1)])
            assert results[0].status is CreateAccountStatus.EXISTS
        assert await server.stop(number) == 0


async def test_what_was_accepted_is_finished_when_it_stops(database_dsn: str, tmp_path: Path) -> None:
    transfers = [
        Transfer(id=new_id(), debit_account_id=1, credit_account_id=2, amount=1, ledger=1, code=1) for _ in range(5000)
    ]
    answered = 0
    async with running(database_dsn, tmp_path) as server, server.operator(timeout_seconds=1) as client:
        await client.create_accounts([Account(id=id, ledger=1, code=1) for id in (1, 2)])
        stopping = None
        try:
            async for _ in client.stream_transfers([each] for each in transfers):
                answered += 1
                if answered == 100:
                    stopping = asyncio.create_task(server.stop())
        except Exception:
            pass
        assert stopping is not None
        assert await stopping == 0
    async with running(database_dsn, tmp_path) as server, server.operator() as client:
        found = await client.lookup_transfers([each.id for each in transfers])
        assert len(found) >= answered
        assert (await client.lookup_accounts([1]))[0].debits_posted == len(found)
        assert await server.stop() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one choose cores")
@pytest.mark.parametrize(("one_core", "cores"), [("true", 1), ("false", len(os.sched_getaffinity(0)))])
async def test_the_event_loop_and_the_waiting_thread_of_grpc_share_a_core(
    database_dsn: str, tmp_path: Path, one_core: str, cores: int
) -> None:
    async with running(database_dsn, tmp_path, PYCORE_SERVER_ONE_CORE=one_core) as server:
        async with server.operator() as client:
            assert await client.trial_balance() == []
        python, others = set[frozenset[int]](), set[frozenset[int]]()
        for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
            is_of_grpc = (thread / "comm").read_text().startswith(("event_engine", "lifeguard", "grpc_"))
            (others if is_of_grpc else python).add(frozenset(os.sched_getaffinity(int(thread.name))))
        assert [len(each) for each in python] == [cores]
        assert others == {frozenset(os.sched_getaffinity(0))}
        assert await server.stop() == 0


async def test_it_says_why_it_cannot_serve(database_dsn: str, tmp_path: Path) -> None:
    async def ending(*more: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments(database_dsn, tmp_path),
            *more,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, errors.decode()

    async with running(database_dsn, tmp_path) as server:
        code, said = await ending()
        assert code == 1
        assert "another process" in said
        assert "Traceback" not in said
        assert await server.stop() == 0
        code, said = await ending("--grpc", "nowhere")
        assert (code, "host:port" in said) == (1, True)
    async with running(database_dsn, tmp_path) as server:
        other = f"{tmp_path}/other"
        code, said = await ending("--http", server.http, "--data", other, "--dsn", "postgresql://nobody@127.0.0.1:1/no")
        assert code == 1
        assert "Traceback" not in said
        assert await server.stop() == 0

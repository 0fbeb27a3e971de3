"""A process that fills a ledger and says how it went: its memory and its rate can be measured apart from ours.

Commands come on standard input, a JSON line each; each is answered by a line. ``die`` ends the process as a kill would.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Literal

import msgspec
import uvloop

from bench import books
from bench.records import TransferSource, amount_of
from bench.suite import create_accounts, expect_created, let_settle
from bench.workloads.durable import submit_for, supply
from pycore.config import LedgerSettings
from pycore.ledger import Ledger, Operation, projector

BATCH = 8190
ACCOUNTS = 10_000
_GROUP = 16


class Command(msgspec.Struct, kw_only=True, frozen=True):
    """``fill`` until there are so many transfers in all; ``measure`` for so long; ``die``."""

    do: Literal["fill", "measure", "die"]
    transfers: int = 0
    seconds: float = 0.0


class Answer(msgspec.Struct, kw_only=True, frozen=True):
    """Where the ledger stands: transfers in all, the rate of this command, resident bytes, whether all is projected."""

    transfers: int
    rate: float
    resident_bytes: int
    state_hash: str


async def _serve(dsn: str, data: Path, *, project: bool) -> None:
    if not project:
        # The journal grows and nothing follows it: what a crash right after a burst leaves behind.
        projector._INTERVAL_SECONDS = 1e9  # noqa: SLF001 - no product setting stops the projector, on purpose
    settings = LedgerSettings(unprojected_transfers_max=1 << 31 if not project else 1 << 22)
    source = TransferSource(ACCOUNTS)
    async with Ledger.open(dsn=dsn, data=data, key=books.KEY, settings=settings) as ledger:
        if ledger.stats().accounts == 0:
            await create_accounts(ledger, ACCOUNTS)
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = msgspec.json.decode(line, type=Command)
            if command.do == "die":
                os._exit(0)
            rate = await _obey(ledger, source, command)
            if project:
                await let_settle(ledger)
            books.check(ledger, created=ledger.stats().transfers)
            answer = Answer(
                transfers=ledger.stats().transfers,
                rate=rate,
                resident_bytes=_resident_bytes(),
                state_hash=ledger.state_hash().hex(),
            )
            print(msgspec.json.encode(answer).decode(), flush=True)


async def _obey(ledger: Ledger, source: TransferSource, command: Command) -> float:
    if command.do == "measure":
        return (await submit_for(ledger, supply(source, BATCH, command.seconds), command.seconds)).rate
    started, first = time.perf_counter(), ledger.stats().transfers
    moved = ledger.trial_balance()[0].debits_posted
    while (missing := command.transfers - ledger.stats().transfers) > 0:
        batches = source.batches(min(BATCH, missing), min(_GROUP, max(1, missing // BATCH)))
        expect_created([await ledger.submit(Operation.CREATE_TRANSFERS, batch) for batch in batches])
        moved += amount_of(batches)
    if ledger.trial_balance()[0].debits_posted != moved:
        raise books.BooksError("the totals are not what was acknowledged")
    return (ledger.stats().transfers - first) / (time.perf_counter() - started)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.fill")
    parser.add_argument("dsn")
    parser.add_argument("data", type=Path)
    parser.add_argument("--no-projection", action="store_true")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options.dsn, options.data, project=not options.no_projection))

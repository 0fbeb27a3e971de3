"""A bank's transactions through the running server, checked against the bank's books: ``make real-data DATA=…``.

Every transaction of ``trans.asc`` is streamed through the gRPC API in the order in which it happened. Then every
account's history is read back, and its balance after every single transaction is compared with the file's, as are the
counterpart accounts and the trial balance. A second run changes nothing: the ids are made from the file.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench import berka_books
from bench.berka import BerkaError, Posted, by_day, histories, read_transactions
from bench.server import running_server
from pycore.client import LedgerClient
from pycore.command_line.books import operator_key
from pycore.config import load_settings
from pycore.errors import PycoreError
from pycore.ledger import (
    AccountBalance,
    AccountFilter,
    CreateAccountStatus,
    CreateTransferResult,
    CreateTransferStatus,
    Transfer,
    TransferFlags,
)

_REQUEST_TRANSFERS = 100
_ACCOUNTS_PER_REQUEST = 8000
_READERS = 16
_PAGE = 1000


class Report(msgspec.Struct, kw_only=True):
    """What happened and what was found. Amounts are hellers (1/100 CZK)."""

    transactions: int = 0
    accounts: int = 0
    transfers_created: int = 0
    transfers_existing: int = 0
    transfers_refused: int = 0
    rounded_transactions: int = 0
    rounding_net: int = 0
    rounding_gross: int = 0
    balances_compared: int = 0
    balances_differing: int = 0
    counterparts_differing: int = 0
    trial_balance_differs: bool = True
    final_balances: int = 0
    final_balances_of_file: int = 0
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether ledger and file say the same everywhere."""
        differences = self.transfers_refused + self.balances_differing + self.counterparts_differing
        complete = self.balances_compared == self.transactions and self.final_balances == self.final_balances_of_file
        return differences == 0 and complete and not self.trial_balance_differs


class Replay:
    """One run over one server."""

    def __init__(self, client: LedgerClient, posted: dict[int, list[Posted]], progress: Progress) -> None:
        self._client = client
        self._posted = posted
        self._progress = progress
        self.report = Report(
            transactions=sum(len(items) for items in posted.values()),
            accounts=len(posted),
            rounded_transactions=sum(1 for item in self._everything() if item.rounding),
            rounding_net=sum(item.rounding for item in self._everything()),
            rounding_gross=sum(abs(item.rounding) for item in self._everything()),
            final_balances_of_file=sum(items[-1].transaction.balance for items in posted.values()),
        )

    def _everything(self) -> Iterator[Posted]:
        return (item for items in self._posted.values() for item in items)

    async def post(self) -> None:
        """Create the accounts, then stream all transfers in the order in which they happened."""
        accounts = berka_books.accounts(self._posted)
        for start in range(0, len(accounts), _ACCOUNTS_PER_REQUEST):
            results = await self._client.create_accounts(accounts[start : start + _ACCOUNTS_PER_REQUEST])
            refused = {result.status for result in results} - {CreateAccountStatus.CREATED, CreateAccountStatus.EXISTS}
            if refused:
                raise BerkaError(f"accounts were refused: {', '.join(status.name for status in refused)}")
        chains = [berka_books.transfers(item) for item in by_day(self._posted)]
        task = self._progress.add_task("posting", total=len(chains))
        started = time.perf_counter()
        answers = self._client.stream_transfers(_requests(chains))
        for chain in chains:
            self._count(chain, [await anext(answers) for _ in chain])
            self._progress.advance(task)
        self.report.seconds = time.perf_counter() - started

    def _count(self, chain: list[Transfer], results: list[CreateTransferResult]) -> None:
        """Count a chain as created, as there already, or as refused.

        Of a chain that is there already only the first transfer says so; the rest of it then has nothing to follow.
        """
        created = all(result.status is CreateTransferStatus.CREATED for result in results)
        exists = results[0].status is CreateTransferStatus.EXISTS
        self.report.transfers_created += len(chain) if created else 0
        self.report.transfers_existing += len(chain) if exists else 0
        self.report.transfers_refused += 0 if created or exists else len(chain)

    async def verify(self) -> None:
        """Read every account's history back and compare it with the file."""
        task = self._progress.add_task("comparing", total=self.report.transactions)
        waiting = iter(self._posted.items())
        await asyncio.gather(*[self._compare_accounts(waiting, task) for _ in range(_READERS)])
        await self._compare_counterparts()
        await self._compare_trial_balance()

    async def _compare_accounts(self, waiting: Iterator[tuple[int, list[Posted]]], task: TaskID) -> None:
        for number, items in waiting:
            account_id = berka_books.customer_account_id(number)
            transfers, balances = await asyncio.gather(self._transfers(account_id), self._balances(account_id))
            self.report.balances_compared += len(items)
            self.report.balances_differing += _differences(items, transfers, balances)
            self.report.final_balances += _credit(balances[-1]) if balances else 0
            self._progress.advance(task, len(items))

    async def _transfers(self, account_id: int) -> list[Transfer]:
        """Return all of an account's transfers, page by page."""
        found: list[Transfer] = []
        while True:
            after = found[-1].timestamp + 1 if found else 0
            page = await self._client.account_transfers(
                AccountFilter(account_id=account_id, timestamp_min=after, limit=_PAGE)
            )
            found += page
            if len(page) < _PAGE:
                return found

    async def _balances(self, account_id: int) -> list[AccountBalance]:
        """Return all of an account's balances, page by page."""
        found: list[AccountBalance] = []
        while True:
            after = found[-1].timestamp + 1 if found else 0
            page = await self._client.account_balances(
                AccountFilter(account_id=account_id, timestamp_min=after, limit=_PAGE)
            )
            found += page
            if len(page) < _PAGE:
                return found

    async def _compare_counterparts(self) -> None:
        expected = berka_books.counterpart_balances(self._everything())
        found = await self._client.lookup_accounts(list(expected))
        held = Counter({account.id: account.credit_balance for account in found})
        self.report.counterparts_differing = sum(held[id] != balance for id, balance in expected.items())

    async def _compare_trial_balance(self) -> None:
        """The ledger's totals must be what the file moves, and both sides equal."""
        moved = sum(transfer.amount for item in self._everything() for transfer in berka_books.transfers(item))
        totals = {each.ledger: each for each in await self._client.trial_balance()}
        ours = totals.get(berka_books.LEDGER)
        self.report.trial_balance_differs = ours is None or not ours.balanced or ours.debits_posted != moved


def _requests(chains: Iterable[list[Transfer]]) -> Iterator[list[Transfer]]:
    """Yield requests of whole chains: a linked chain must not cross a request."""
    request: list[Transfer] = []
    for chain in chains:
        request += chain
        if len(request) >= _REQUEST_TRANSFERS:
            yield request
            request = []
    if request:
        yield request


def _differences(items: Sequence[Posted], transfers: list[Transfer], balances: list[AccountBalance]) -> int:
    """Return after how many of an account's transactions the ledger and the file disagree.

    The ledger's history must be exactly the file's transfers, in the file's order, with the bank's balance after each.
    """
    by_time = {balance.timestamp: _credit(balance) for balance in balances}
    position = differing = 0
    for item in items:
        chain = berka_books.transfers(item)
        found = transfers[position : position + len(chain)]
        position += len(chain)
        same = [_booked(transfer) for transfer in found] == [_booked(transfer) for transfer in chain]
        differing += not same or by_time.get(found[-1].timestamp) != item.transaction.balance
    return differing + max(0, len(transfers) - position)


def _booked(transfer: Transfer) -> Transfer:
    """Return what a transfer says, without when and with whom it was linked."""
    return msgspec.structs.replace(transfer, timestamp=0, flags=transfer.flags & ~TransferFlags.LINKED)


def _credit(balance: AccountBalance) -> int:
    return balance.credits_posted - balance.debits_posted


async def replay(address: str, api_key: str | None, posted: dict[int, list[Posted]], console: Console) -> Report:
    """Post and verify through the server at ``address`` with an operator's key. Raises PycoreError, BerkaError."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        async with LedgerClient(address, timeout_seconds=60, api_key=api_key) as client:
            run = Replay(client, posted, progress)
            await run.post()
            await run.verify()
    return run.report


def _print(report: Report, console: Console) -> None:
    table = Table(title="PKDD'99 bank data through the ledger", show_header=False)
    transfers = report.transfers_created + report.transfers_existing
    for name, value in (
        ("transactions / accounts", f"{report.transactions:,} / {report.accounts:,}"),
        ("transfers created / already there", f"{report.transfers_created:,} / {report.transfers_existing:,}"),
        ("transfers refused", f"{report.transfers_refused:,}"),
        ("balances compared, after every transaction", f"{report.balances_compared:,}"),
        ("balances differing", f"{report.balances_differing:,}"),
        ("counterpart accounts differing", f"{report.counterparts_differing:,}"),
        ("trial balance", "DIFFERS" if report.trial_balance_differs else "agrees"),
        ("total of final balances, ledger", _crowns(report.final_balances)),
        ("total of final balances, file", _crowns(report.final_balances_of_file)),
        ("rounded transactions", f"{report.rounded_transactions:,}"),
        ("rounding posted, net / gross", f"{_crowns(report.rounding_net)} / {_crowns(report.rounding_gross)}"),
        ("posting took", f"{report.seconds:.2f} s, {transfers / report.seconds:,.0f} transfers/s"),
    ):
        table.add_row(name, value)
    console.print(table)
    if report.agrees:
        console.print("[green]0 differing balances: the ledger says what the bank says[/green]")
    else:
        console.print("[red]the ledger and the file DIFFER[/red]")


def _crowns(hellers: int) -> str:
    sign = "-" if hellers < 0 else ""
    return f"{sign}{abs(hellers) // 100:,}.{abs(hellers) % 100:02d} CZK"


def main(
    data: Annotated[Path, typer.Argument(help="Folder with trans.asc.")],
    server: Annotated[str | None, typer.Option(help="host:port of the gRPC door; default: as configured.")] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Stream a bank's transactions through the running server and compare every balance with the file."""
    console = Console(stderr=json)
    settings = load_settings()
    address = server or settings.server.grpc_address
    try:
        posted = histories(read_transactions(data / "trans.asc"))
        console.print(f"{data / 'trans.asc'}: the order within each day is found")
        with running_server(address, tell=console.print):
            report = asyncio.run(replay(address, operator_key(settings), posted, console))
    except (PycoreError, BerkaError, OSError) as error:
        console.print(f"[red]stopped:[/red] {error}")
        sys.exit(2)
    if json:
        print(msgspec.json.encode(report).decode())
    else:
        _print(report, console)
    sys.exit(0 if report.agrees else 1)


if __name__ == "__main__":
    typer.run(main)

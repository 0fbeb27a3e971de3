"""The bank's transactions through a real server: agreement, a second run, and a difference that must be seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench.berka import Posted, histories, read_transactions
from bench.real_data import Report, replay
from bench.server import ServerProcess

# Shuffled within the day, below zero, and rounded up and down.
ROWS = """"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"
1;7;930101;"PRIJEM";"VKLAD";700.00;700.00;"";;
4;7;930105;"VYDAJ";"VYBER";100.00;900.00;"";;
3;7;930105;"PRIJEM";"PREVOD Z UCTU";300.00;1000.00;"DUCHOD";"YZ";12345
5;8;930106;"PRIJEM";"VKLAD";50.00;50.00;"";;
6;7;930131;"PRIJEM";"";12.30;912.40;"UROK";;
7;7;930131;"VYDAJ";"VYBER";14.60;897.70;"SLUZBY";;
8;8;930201;"VYBER";"VYBER";80.00;-30.00;"";;
9;8;930202;"VYDAJ";"PREVOD NA UCET";20.00;-50.00;"UVER";"QR";999
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = ServerProcess(data=tmp_path_factory.mktemp("real-data"))
    yield server
    server.stop()


def posted(folder: Path, rows: str = ROWS) -> dict[int, list[Posted]]:
    file = folder / "trans.asc"
    file.write_text(rows, encoding="latin-1")
    return histories(read_transactions(file))


async def run(server: ServerProcess, folder: Path, rows: str = ROWS) -> Report:
    return await replay(server.grpc_address, server.operator_key, posted(folder, rows), Console(quiet=True))


async def test_the_ledger_says_what_the_bank_says_and_a_second_run_changes_nothing(
    server: ServerProcess, tmp_path: Path
) -> None:
    first = await run(server, tmp_path)
    assert first.agrees
    assert (first.transactions, first.transfers_created, first.rounded_transactions) == (8, 10, 2)
    assert first.rounding_net == 0
    assert first.final_balances == 89_770 - 5_000
    second = await run(server, tmp_path)
    assert second.agrees
    assert (second.transfers_created, second.transfers_existing) == (0, 10)


async def test_one_other_amount_is_seen(server: ServerProcess, tmp_path: Path) -> None:
    await run(server, tmp_path)
    changed = await run(server, tmp_path, ROWS.replace("20.00;-50.00", "20.50;-50.50"))
    assert not changed.agrees
    assert changed.balances_differing == 1
    assert changed.counterparts_differing == 1
    assert changed.trial_balance_differs

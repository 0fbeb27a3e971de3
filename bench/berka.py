"""The PKDD'99 "Berka" bank data: reading the transactions, and finding their order within a day.

The published file has two quirks. The rows of one account within one day are not in order, but there is an order in
which each balance follows from the one before it. And the bank rounded: in some rows the balance moves by the amount
plus or minus exactly 0.10.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROUNDING = 10
"""By how many hellers the bank's balance may miss the amount."""


class BerkaError(ValueError):
    """The file is not what its description says."""


class Transaction(NamedTuple):
    """One row. Amounts are hellers (1/100 CZK); ``change`` is positive when money came in."""

    trans_id: int
    account_id: int
    date: int
    operation: str
    purpose: str
    change: int
    balance: int
    bank: str
    partner: str

    @property
    def date_ms(self) -> int:
        """Midnight of the day, UTC, in milliseconds since 1970."""
        year, month, day = self.date // 10000, self.date // 100 % 100, self.date % 100
        return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


class Posted(NamedTuple):
    """A transaction at its place in the account's history, and by how much the bank rounded."""

    transaction: Transaction
    rounding: int


def read_transactions(path: Path) -> list[Transaction]:
    """Return the rows of ``trans.asc`` in the file's order.

    Raises BerkaError naming the line that cannot be read.
    """
    transactions = []
    with path.open(encoding="latin-1", newline="") as file:
        for line, row in enumerate(csv.DictReader(file, delimiter=";"), start=2):
            try:
                transactions.append(_transaction(row))
            except (KeyError, ValueError) as error:
                raise BerkaError(f"{path}, line {line}: {error!r}") from error
    if len({transaction.trans_id for transaction in transactions}) != len(transactions):
        raise BerkaError(f"{path}: a trans_id occurs twice")
    return transactions


def _transaction(row: dict[str, str]) -> Transaction:
    # VYDAJ and VYBER are both money out.
    sign = {"PRIJEM": 1, "VYDAJ": -1, "VYBER": -1}[row["type"]]
    return Transaction(
        trans_id=int(row["trans_id"]),
        account_id=int(row["account_id"]),
        date=19_000_000 + int(row["date"]),
        operation=row["operation"].strip(),
        purpose=row["k_symbol"].strip(),
        change=sign * _hellers(row["amount"]),
        balance=_hellers(row["balance"]),
        bank=row["bank"].strip(),
        partner=row["account"].strip(),
    )


def _hellers(text: str) -> int:
    """Return a decimal with exactly two places as an integer; a float would round."""
    whole, point, fraction = text.partition(".")
    if not point or len(fraction) != 2:
        raise ValueError(f"{text!r} is not an amount with two places")
    return int(whole + fraction)


def order_day(rows: Iterable[Transaction], balance: int) -> list[Posted] | None:
    """Return the rows of one account and day in an order in which every balance follows from the one before.

    ``balance`` is the account's balance before the day. Of several orders, one with the fewest rounded rows is
    returned; None where there is none.
    """
    remaining = list(rows)
    for rounded_rows in range(len(remaining) + 1):
        found = _search(remaining, balance, rounded_rows)
        if found is not None:
            return found
    return None


def _search(remaining: list[Transaction], balance: int, rounded_rows: int) -> list[Posted] | None:
    """Return an order with at most ``rounded_rows`` rounded rows: try what can come next, step back if nothing can."""
    if not remaining:
        return []
    for index, row in enumerate(remaining):
        rounding = row.balance - balance - row.change
        if rounding not in (0, ROUNDING, -ROUNDING) or (rounding and not rounded_rows):
            continue
        rest = _search(remaining[:index] + remaining[index + 1 :], row.balance, rounded_rows - bool(rounding))
        if rest is not None:
            return [Posted(row, rounding), *rest]
    return None


def histories(transactions: Iterable[Transaction]) -> dict[int, list[Posted]]:
    """Return every account's transactions in the order in which they happened.

    Raises BerkaError naming the account and day for which there is no such order.
    """
    days: dict[tuple[int, int], list[Transaction]] = defaultdict(list)
    for transaction in transactions:
        days[transaction.account_id, transaction.date].append(transaction)
    posted: dict[int, list[Posted]] = {}
    for (account_id, date), rows in sorted(days.items()):
        history = posted.setdefault(account_id, [])
        before = history[-1].transaction.balance if history else 0
        ordered = order_day(rows, before)
        if ordered is None:
            raise BerkaError(f"account {account_id}, {date}: no order of the day explains the balances from {before}")
        history += ordered
    return posted


def by_day(posted: dict[int, list[Posted]]) -> Iterator[Posted]:
    """Yield all accounts' transactions day by day, each account's in its order."""
    everything = [(item.transaction.date, account_id, item) for account_id, items in posted.items() for item in items]
    everything.sort(key=lambda entry: entry[:2])
    for _, _, item in everything:
        yield item

"""The protections, removed one at a time: what the harness test runs the suite against.

``python -m tests.simulation.sabotage NAME [options of python -m api]`` serves a ledger without that protection;
``python -m tests.simulation.sabotage NAME pytest [options of pytest]`` runs tests without it. Nothing of this is in the
product: each sabotage replaces a piece of it in this process only.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from api.__main__ import command
from pycore._core import PaymentClaims
from pycore.channels.rsa_key import PublicKey
from pycore.channels.wechat import notifications
from pycore.ledger import Insertion, journal, lease, unit
from pycore.ledger.history import History
from pycore.ledger.journal import Journal
from pycore.ledger.writer import Writer
from pycore.payments import creation, outcomes, tables
from pycore.payments.book import PaymentBook
from pycore.payments.creation import PaymentCreation
from pycore.payments.idempotency import Remembered, RequestMemory
from pycore.payments.record import PaymentRecord

_EARLY_SECONDS = 0.05


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Callers are answered while the batch is still on its way to the disk."""
    make_durable = Writer._make_durable

    async def answer_first(self: Writer, batch: Any, units: Any, written: Any) -> None:
        unit.answer(units, batch.results)
        await asyncio.sleep(_EARLY_SECONDS)
        await make_durable(self, batch, units, written)

    with mock.patch.object(Writer, "_make_durable", answer_first):
        yield


@contextmanager
def skip_the_epoch_check() -> Iterator[None]:
    """An append does not look whether another writer took over."""
    append = journal._APPEND.replace(
        "FROM ledger_lease WHERE shard = $1 AND epoch = $2 FOR SHARE", "WHERE $1::integer = 0"
    )
    held = lease._STILL_HELD.replace("holder = $2", "$2::text IS NOT NULL")
    with mock.patch.object(journal, "_APPEND", append), mock.patch.object(lease, "_STILL_HELD", held):
        yield


@contextmanager
def forget_old_ids() -> Iterator[None]:
    """Ids that have left memory are taken for new ones."""

    async def nothing(self: History, ids: Any) -> list[Any]:
        return []

    with mock.patch.object(History, "cold_records", nothing):
        yield


@contextmanager
def guess_that_nothing_was_recorded() -> Iterator[None]:
    """After a lost connection nobody looks whether the batch is in the journal."""
    settle = Journal.settle

    async def guess(self: Journal) -> bool:
        await settle(self)
        return False

    with mock.patch.object(Journal, "settle", guess):
        yield


@contextmanager
def guess_that_all_was_recorded() -> Iterator[None]:
    """After a lost connection the batch is taken for durable."""
    settle = Journal.settle

    async def guess(self: Journal) -> bool:
        if not await settle(self):
            self._advance()
        return True

    with mock.patch.object(Journal, "settle", guess):
        yield


@contextmanager
def skip_the_hash_chain() -> Iterator[None]:
    """Journal rows are read without looking at their hashes."""
    read_rows = "SELECT lsn, epoch, transfer_count, prev_hash, hash, results_digest, body"

    async def read(connection: Any, key: bytes, *, after_lsn: int, head: bytes) -> Any:
        rows = await connection.fetch(f"{read_rows} FROM ledger_journal WHERE lsn > $1 ORDER BY lsn", after_lsn)
        for row in rows:
            yield journal.JournalRow(*(value for name, value in row.items() if name != "prev_hash"))

    with mock.patch.object(journal, "read", read):
        yield


# -- payments


@contextmanager
def keep_no_replies() -> Iterator[None]:
    """What was answered to a request is not kept with what it did, and nobody finds what made a payment."""

    def nothing(rows: Any) -> Insertion:
        return Insertion(tables.IDEMPOTENCY_KEYS, [])

    recall = creation._RECALL.replace("payments.idempotency_key)", "payments.idempotency_key || payments.id)")
    with mock.patch.object(tables, "idempotency_keys", nothing), mock.patch.object(creation, "_RECALL", recall):
        yield


@contextmanager
def look_nothing_up() -> Iterator[None]:
    """Nobody looks whether a request is under way, was made before, or has a taken reference."""

    async def nothing(*_: Any) -> Remembered:
        return Remembered(None, "")

    async def everything_is_new(*_: Any) -> None:
        return

    with (
        mock.patch.object(RequestMemory, "recall", nothing),
        mock.patch.object(RequestMemory, "claim"),
        mock.patch.object(PaymentCreation, "look_up", everything_is_new),
        mock.patch.object(PaymentClaims, "take", return_value=True),
    ):
        yield


@contextmanager
def refund_without_bound() -> Iterator[None]:
    """What was given back already is not counted."""
    captured = property(lambda record: record.amount_captured)
    with mock.patch.object(PaymentRecord, "refundable", captured):
        yield


@contextmanager
def skip_the_version_guard() -> Iterator[None]:
    """A change does not look whether another came first."""
    change = tables._CHANGED_PAYMENTS
    with mock.patch.object(change, "_sql", change._sql.partition(" AND payments.version")[0]):
        yield


@contextmanager
def skip_the_tenant_check() -> Iterator[None]:
    """Whoever knows an id gets the payment."""
    payment = PaymentBook.payment

    async def anybodys(self: PaymentBook, payment_id: int, tenant: Any = None) -> PaymentRecord:
        return await payment(self, payment_id)

    with mock.patch.object(PaymentBook, "payment", anybodys):
        yield


@contextmanager
def believe_every_notification() -> Iterator[None]:
    """A notification's signature is not looked at."""
    with mock.patch.object(notifications, "verify"):
        yield


@contextmanager
def believe_every_signature() -> Iterator[None]:
    """No channel's signature is looked at, in replies and in notifications."""
    with mock.patch.object(PublicKey, "verify"):
        yield


@contextmanager
def book_every_success() -> Iterator[None]:
    """Money that comes for a payment that is decided already is booked as if it waited."""
    with mock.patch.object(outcomes, "FINAL", frozenset()):
        yield


SABOTAGES: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        acknowledge_before_commit,
        skip_the_epoch_check,
        forget_old_ids,
        guess_that_nothing_was_recorded,
        guess_that_all_was_recorded,
        skip_the_hash_chain,
        keep_no_replies,
        look_nothing_up,
        refund_without_bound,
        skip_the_version_guard,
        skip_the_tenant_check,
        believe_every_notification,
        believe_every_signature,
        book_every_success,
    )
}


if __name__ == "__main__":
    with SABOTAGES[sys.argv.pop(1)]():
        if sys.argv[1:2] == ["pytest"]:
            # What is imported here already cannot be rewritten, and has no assertions that matter.
            sys.exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *sys.argv[2:]]))
        command()

"""The book of payments: one change at a time for each, read fresh, written with the money it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, TypeVar
from uuid import UUID

from pycore.errors import AlreadyExistsError, NotFoundError, RowsRefusedError
from pycore.events import EVENTS
from pycore.ledger import CreateTransferResult, CreateTransferStatus, Insertion, Ledger, Operation, Transfer
from pycore.ledger.rows import Part
from pycore.ledger.status import unpack_transfer_results
from pycore.ledger.transfer import pack_transfers
from pycore.payments.locks import Locks
from pycore.payments.record import PaymentRecord, RefundRecord, payment_record, refund_record
from pycore.store import unavailable_raised
from pycore.tenant import Tenant

_TYPE: Final = [name for name, _ in EVENTS.columns].index("type")
_DONE: Final = frozenset({CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS})
_PAYMENT: Final = "SELECT * FROM payments WHERE id = $1"
_BY_REFERENCE: Final = "SELECT * FROM payments WHERE merchant_id = $1 AND live = $2 AND merchant_reference = $3"
_REFUND: Final = "SELECT * FROM refunds WHERE id = $1"

LOOKS_MAX: Final = 3
"""How often a change looks at what is recorded before it gives up."""
_Changed = TypeVar("_Changed")


class TransferRefusedError(Exception):
    """The ledger refused a transfer, so nothing was recorded; ``results`` says why, transfer by transfer."""

    def __init__(self, results: Sequence[CreateTransferResult]) -> None:
        super().__init__(", ".join(result.status.name.lower() for result in results))
        self.results = results


async def looking_again(change: Callable[[], Awaitable[_Changed]]) -> _Changed:
    """Return what ``change`` returns; it is called again where what it looked at was changed before it could write.

    A request whose outcome was unknown may become durable after its retry has looked for it. The retry is then refused,
    nothing of it is recorded, and it finds the reply when it looks again.
    """
    for _ in range(LOOKS_MAX - 1):
        with suppress(RowsRefusedError, TransferRefusedError, AlreadyExistsError):
            return await change()
    return await change()


class PaymentBook:
    """Payments and refunds as they are in the database, and the way to change them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._locks = Locks()
        self.told: Counter[str] = Counter()
        """Events made durable since the start, by type."""

    @asynccontextmanager
    async def changing(self, payment_id: int, tenant: Tenant | None = None) -> AsyncIterator[PaymentRecord]:
        """Give a payment that nobody else changes until the block ends.

        Args:
            payment_id: which.
            tenant: whose it must be; None: the platform itself asks.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
            LedgerUnavailableError: the database is away.
        """
        async with self._locks.held(payment_id):
            yield await self.payment(payment_id, tenant)

    def lent(self, payment_id: int) -> AbstractAsyncContextManager[None]:
        """Let others change a payment for the block, though ``changing`` holds it: look at it again afterwards."""
        return self._locks.lent(payment_id)

    async def payment(self, payment_id: int, tenant: Tenant | None = None) -> PaymentRecord:
        """Return a payment as it is. Raises as ``changing``."""
        with unavailable_raised():
            row = await self._ledger.store.pool.fetchrow(_PAYMENT, UUID(int=payment_id))
        if row is None:
            raise NotFoundError("there is no such payment")
        record = payment_record(row)
        if tenant is not None and record.tenant != tenant:
            raise NotFoundError("there is no such payment")
        return record

    async def payment_by_reference(self, tenant: Tenant, merchant_reference: str) -> PaymentRecord:
        """Return the payment with the merchant's own number. Raises as ``changing``."""
        with unavailable_raised():
            row = await self._ledger.store.pool.fetchrow(
                _BY_REFERENCE, UUID(int=tenant.merchant_id), tenant.live, merchant_reference
            )
        if row is None:
            raise NotFoundError("there is no such payment")
        return payment_record(row)

    async def refund(self, refund_id: int, tenant: Tenant | None = None) -> RefundRecord:
        """Return a refund as it is. Raises as ``changing``."""
        with unavailable_raised():
            row = await self._ledger.store.pool.fetchrow(_REFUND, UUID(int=refund_id))
        if row is None:
            raise NotFoundError("there is no such refund")
        record = refund_record(row)
        if tenant is not None and record.tenant != tenant:
            raise NotFoundError("there is no such refund")
        return record

    async def commit(
        self, rows: Sequence[Part], transfers: Sequence[Transfer] = (), *, deadline: float | None = None
    ) -> None:
        """Make a change durable: all rows and all transfers, or nothing.

        Args:
            rows: what is written.
            transfers: what moves; linked where there are several.
            deadline: in ``time.monotonic()`` seconds.

        Raises:
            TransferRefusedError: the ledger refused a transfer; nothing was recorded.
            RowsRefusedError: another change came first; nothing was recorded.
            And as ``Ledger.enqueue``.
        """
        if transfers:
            await self._ledger.enqueue(
                Operation.CREATE_TRANSFERS,
                pack_transfers(transfers),
                deadline=deadline,
                rows_of=_unless_refused(rows),
            )
        else:
            await self._ledger.record(rows, deadline=deadline)
        self.told.update(_event_types(rows))


def _event_types(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Insertion) and part.table is EVENTS:
            yield from (row[_TYPE] for row in part.rows)


def _unless_refused(rows: Sequence[Part]) -> Callable[[bytes], Sequence[Part]]:
    def rows_of(results: bytes) -> Sequence[Part]:
        unpacked = unpack_transfer_results(results)
        if any(result.status not in _DONE for result in unpacked):
            raise TransferRefusedError(unpacked)
        return rows

    return rows_of

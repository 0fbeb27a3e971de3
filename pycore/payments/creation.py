"""Making payments, many at once: checked, compared with what was asked before, paid from balances on the spot.

This is the hot path: one unit of transfers and rows for all payments of a call, one query for all their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from msgspec.structs import replace

from pycore.errors import AlreadyExistsError, PycoreError
from pycore.events import EVENTS, EventType, event_row
from pycore.ids import new_id
from pycore.ledger import CreateTransferStatus, Insertion, Ledger, Operation, Transfer
from pycore.ledger.chart import AccountKey, Chart
from pycore.ledger.rows import Part
from pycore.ledger.status import unpack_transfer_results
from pycore.ledger.transfer import pack_transfers
from pycore.payments import postings, tables
from pycore.payments.balance_limits import CURRENCY as LIMITED_CURRENCY
from pycore.payments.balance_limits import BalanceLimits
from pycore.payments.book import PaymentBook
from pycore.payments.idempotency import Reply, RequestKey, RequestMemory, fingerprint
from pycore.payments.parties import Parties, Party, parties
from pycore.payments.payment import CaptureMethod, Payment, PaymentMethod, PaymentStatus, decoded_payment, encoded
from pycore.payments.record import PaymentRecord
from pycore.payments.request import CreatePayment, check_create, customer_id, store_id
from pycore.tenant import Tenant

OPERATION: Final = "payments.create"
PAYMENTS_MAX: Final = 1000
"""Payments in one call."""
BALANCE: Final = "balance"
"""The channel that is our own ledger."""

_SECOND: Final = 10**9
_EVENTS: Final = {
    PaymentStatus.CREATED: EventType.PAYMENT_CREATED,
    PaymentStatus.AUTHORIZED: EventType.PAYMENT_AUTHORIZED,
    PaymentStatus.SUCCEEDED: EventType.PAYMENT_SUCCEEDED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
}


class Creation:
    """One payment on its way: what was asked, and what has become of it so far."""

    __slots__ = ("claims", "is_recorded", "outcome", "record", "reply", "request")

    def __init__(self, tenant: Tenant, key: str, request: CreatePayment, now_ns: int) -> None:
        """Raises InvalidRequestError."""
        check_create(key, request)
        self.request = request
        self.reply = Reply(RequestKey(tenant, OPERATION, key), fingerprint(request))
        self.claims: tuple[Hashable, ...] = (self.reply.request, (tenant, request.merchant_reference))
        self.outcome: Payment | PycoreError | None = None
        self.is_recorded = False
        self.record = PaymentRecord(
            id=new_id(),
            tenant=tenant,
            merchant_reference=request.merchant_reference,
            status=PaymentStatus.CREATED,
            purpose=request.purpose,
            amount=request.amount,
            currency=request.currency,
            capture_method=request.capture_method,
            method=request.method,
            channel=request.channel,
            store_id=store_id(request.store_id),
            customer_id=customer_id(request.customer_id),
            subject=request.subject,
            return_url=request.return_url,
            metadata=request.metadata,
            created_at=now_ns,
            expires_at=now_ns + request.expires_in_seconds * _SECOND,
            updated_at=now_ns,
        )

    @property
    def parties(self) -> list[Party]:
        """Whom it names."""
        return parties(self.record.tenant, self.record.customer_id, self.record.store_id)

    @property
    def is_paid_from_balance(self) -> bool:
        """Whether the ledger decides at once."""
        return self.request.confirm and self.request.method is PaymentMethod.BALANCE

    @property
    def is_to_be_confirmed(self) -> bool:
        """Whether it was made now, and a channel is to be asked."""
        return self.is_recorded and self.request.confirm and not self.is_paid_from_balance


class PaymentCreation:
    """Makes payments."""

    def __init__(
        self,
        ledger: Ledger,
        book: PaymentBook,
        accounts: Chart,
        memory: RequestMemory,
        limits: BalanceLimits,
        clock_ns: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._told = book.told
        self._memory = memory
        self._clock_ns = clock_ns
        self._limits = limits
        self._parties = Parties(ledger.store)

    def begin(self, tenant: Tenant, requests: Sequence[tuple[str, CreatePayment]]) -> list[Creation | PycoreError]:
        """Return the creations that are well-formed and claimed, errors in the place of the others."""
        now_ns = self._clock_ns()
        begun: list[Creation | PycoreError] = []
        for key, request in requests:
            try:
                creation = Creation(tenant, key, request, now_ns)
                self._memory.claim(*creation.claims)
            except PycoreError as error:
                begun.append(error)
            else:
                begun.append(creation)
        return begun

    def end(self, creations: Sequence[Creation]) -> None:
        """Give back what was claimed."""
        for creation in creations:
            self._memory.release(creation.claims)

    async def look_up(self, creations: Sequence[Creation]) -> None:
        """Give an outcome to those that are not new, or name who is not there. Raises LedgerUnavailableError."""
        asked = [(creation.reply.request, creation.request.merchant_reference) for creation in creations]
        for creation, known in zip(creations, await self._memory.recall(asked), strict=True):
            try:
                reply = known.reply_to(creation.reply.fingerprint)
            except PycoreError as error:
                creation.outcome = error
                continue
            if reply is not None:
                creation.outcome = decoded_payment(reply)
            elif known.is_reference_taken:
                creation.outcome = AlreadyExistsError(
                    f"there is a payment with the merchant_reference {creation.request.merchant_reference} already;"
                    " nothing was recorded: look at it, or choose a new reference"
                )
        unknown = await self._parties.unknown(party for creation in creations for party in creation.parties)
        for creation in creations if unknown else ():
            for party in unknown.intersection(creation.parties):
                creation.outcome = creation.outcome or party.not_found()

    async def record(self, creations: Sequence[Creation], deadline: float | None) -> None:
        """Make the payments durable; those paid from a balance are decided. Raises as ``Ledger.enqueue``."""
        if not creations:
            return
        deciding = await self._within_limits([creation for creation in creations if creation.is_paid_from_balance])
        if not deciding:
            await self._ledger.record(_rows(creations), deadline=deadline)
            self._tell(creations)
            return

        def rows_of(results: bytes) -> list[Part]:
            for creation, result in zip(deciding, unpack_transfer_results(results), strict=True):
                creation.record = _decided(creation, result.status)
            return _rows(creations)

        try:
            transfers = await self._transfers(deciding)
            await self._ledger.enqueue(
                Operation.CREATE_TRANSFERS, pack_transfers(transfers), deadline=deadline, rows_of=rows_of
            )
        except BaseException:
            self._count(deciding, recorded=False)
            raise
        self._count(deciding, recorded=True)
        self._tell(creations)

    def _tell(self, creations: Sequence[Creation]) -> None:
        for creation in creations:
            creation.is_recorded = True
            self._told[_EVENTS[creation.record.status]] += 1

    async def _within_limits(self, creations: list[Creation]) -> list[Creation]:
        """Return those that the limits of law allow; the others have failed."""
        if not creations:
            return creations
        now_ns = self._clock_ns()
        limited = [creation for creation in creations if creation.record.currency == LIMITED_CURRENCY]
        await self._limits.load([postings.payer_of(creation.record) for creation in limited], now_ns)
        allowed = []
        for creation in creations:
            record, refusal = creation.record, None
            if record.currency == LIMITED_CURRENCY:
                verified = creation.request.authentication
                refusal = self._limits.take(postings.payer_of(record), record.amount, verified, now_ns)
            if refusal is None:
                allowed.append(creation)
            else:
                creation.record = replace(record, status=PaymentStatus.FAILED, channel=BALANCE, failure_code=refusal)
        return allowed

    def _count(self, creations: Sequence[Creation], *, recorded: bool) -> None:
        """Keep those payments counted that came about; what the ledger decided is nothing until it is recorded."""
        for creation in creations:
            record = creation.record
            if record.currency == LIMITED_CURRENCY:
                status = record.status if recorded else PaymentStatus.CREATED
                self._limits.decided(postings.payer_of(record), record.amount, status)

    async def _transfers(self, creations: Sequence[Creation]) -> list[Transfer]:
        keys: list[AccountKey] = []
        for creation in creations:
            keys += (postings.payer_balance(creation.record), postings.beneficiary(creation.record))
        ids = await self._accounts.opened(keys)
        return [
            postings.pay_from_balance(
                creation.record,
                ids[2 * place],
                ids[2 * place + 1],
                hold_seconds=creation.request.expires_in_seconds if _is_manual(creation) else 0,
            )
            for place, creation in enumerate(creations)
        ]


def _is_manual(creation: Creation) -> bool:
    return creation.request.capture_method is CaptureMethod.MANUAL


def _decided(creation: Creation, status: CreateTransferStatus) -> PaymentRecord:
    """Return the payment as the ledger decided. Raises ValueError for what cannot be: nothing of it is then written."""
    record = creation.record
    # The ledger may judge the batch again, after another call's rows were refused: nothing of the first time may stay.
    fresh = {"channel": BALANCE, "failure_code": None, "amount_captured": 0, "hold_id": None}
    if status is CreateTransferStatus.CREATED:
        if _is_manual(creation):
            return replace(record, **fresh | {"status": PaymentStatus.AUTHORIZED, "hold_id": record.id})
        return replace(record, **fresh | {"status": PaymentStatus.SUCCEEDED, "amount_captured": record.amount})
    if status is CreateTransferStatus.EXCEEDS_CREDITS:
        return replace(record, **fresh | {"status": PaymentStatus.FAILED, "failure_code": "insufficient_balance"})
    raise ValueError(f"a payment's transfer cannot end with {status.name.lower()}")


def _rows(creations: Sequence[Creation]) -> list[Part]:
    """Return the rows of the payments, their replies and events; the payments are their outcomes from now on."""
    keys, events = [], []
    for creation in creations:
        record = creation.record
        payment = record.public()
        data = encoded(payment)
        creation.outcome = payment
        keys.append(creation.reply.row(data, record.created_at))
        events.append(event_row(record.tenant, _EVENTS[record.status], record.id, data, record.created_at))
    return [
        tables.new_payments([creation.record for creation in creations]),
        tables.idempotency_keys(keys),
        Insertion(EVENTS, events),
    ]

"""Making payments, many at once: checked, compared with what was asked before, paid from balances on the spot.

This is the hot path: one unit of transfers and rows for all payments that come at the same time, and no query before.
What is done for each payment is done in the core, what is done for all of them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from pycore._core import (
    BalanceAccounts,
    NewPayment,
    PaymentClaims,
    RowBuffer,
    decide_payments,
    expect_payments,
    payments_recorded,
    recall_arguments,
    write_payments,
)
from pycore.errors import (
    AlreadyExistsError,
    IdempotencyMismatchError,
    PycoreError,
    RequestInProgressError,
    RowsRefusedError,
)
from pycore.events import EVENTS, EventType
from pycore.ids import IDS
from pycore.ledger import Ledger, Operation
from pycore.ledger.chart import AccountKey, Chart, customer_balance, ledger_number, merchant_pending
from pycore.ledger.rows import EncodedInsertion, Part
from pycore.money import CURRENCIES
from pycore.payments.balance_limits import BalanceLimits
from pycore.payments.book import PaymentBook
from pycore.payments.channel_methods import ChannelMethods
from pycore.payments.parties import Parties, Party, parties
from pycore.payments.payment import Payment, decoded_payment
from pycore.payments.request import CreatePayment, settle_doubts
from pycore.payments.tables import PAYMENTS
from pycore.store import unavailable_raised
from pycore.tenant import Tenant

OPERATION: Final = "payments.create"
PAYMENTS_MAX: Final = 1000
"""Payments in one call."""
BALANCE: Final = "balance"
"""The channel that is our own ledger."""

_BALANCES_MAX: Final = 1 << 20
_LEDGERS: Final = {
    (currency.code, live): ledger_number(currency, live=live)
    for currency in CURRENCIES.values()
    for live in (False, True)
}
# Each key is found through its index, one by one, whatever the planner thinks of the tables' sizes.
_RECALL: Final = f"""
SELECT asked.position, known.fingerprint, coalesce(
    (SELECT reply FROM idempotency_keys AS kept
     WHERE (kept.merchant_id, kept.live, kept.operation, kept.key)
         = (asked.merchant_id, asked.live, '{OPERATION}', asked.key)),
    (SELECT data FROM events WHERE resource_id = known.id ORDER BY sequence LIMIT 1)) AS reply
FROM unnest($1::text[]::uuid[], $2::boolean[], $3::text[], $4::text[]) WITH ORDINALITY
    AS asked (merchant_id, live, key, reference, position)
LEFT JOIN LATERAL (
    SELECT id, fingerprint FROM payments WHERE (payments.merchant_id, payments.live, payments.idempotency_key)
        = (asked.merchant_id, asked.live, asked.key) LIMIT 1) AS known ON true
LEFT JOIN LATERAL (
    SELECT true AS is_taken FROM payments WHERE (payments.merchant_id, payments.live, payments.merchant_reference)
        = (asked.merchant_id, asked.live, asked.reference) LIMIT 1) AS taken ON true
WHERE known.fingerprint IS NOT NULL OR taken.is_taken
"""

Asked: TypeAlias = "NewPayment | PycoreError"
"""A payment asked for, or why it cannot be."""
Made: TypeAlias = "NewPayment | Payment | PycoreError"
"""A payment that was made and decided now; one that was made before, or is open; or why there is none."""


class PaymentCreation:
    """Makes payments."""

    def __init__(
        self,
        ledger: Ledger,
        book: PaymentBook,
        accounts: Chart,
        limits: BalanceLimits,
        channels: ChannelMethods,
        clock_ns: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._told = book.told
        self._clock_ns = clock_ns
        self._limits = limits
        self._channels = channels
        self._parties = Parties(ledger.store)
        self._claims = PaymentClaims()
        self._balances = BalanceAccounts(_LEDGERS)

    def asked(self, tenant: Tenant, requests: Sequence[tuple[str, CreatePayment]]) -> list[Asked]:
        """Return the payments asked for, errors in the place of those that are not allowed."""
        now_ns = self._clock_ns()
        asked: list[Asked] = []
        for key, request in requests:
            try:
                asked.append(NewPayment(tenant, key, request, IDS, now_ns))
            except PycoreError as error:
                asked.append(error)
        return asked

    def begin(self, asked: Sequence[Asked]) -> list[Asked]:
        """Return the payments that are well-formed and claimed, errors in the place of the others."""
        return [each if isinstance(each, PycoreError) else self._begun(each) for each in asked]

    def _begun(self, payment: NewPayment) -> Asked:
        if payment.is_doubtful:
            try:
                settle_doubts(payment)
            except PycoreError as error:
                return error
        return payment if self._claims.take(payment) else RequestInProgressError()

    def end(self, payments: Sequence[NewPayment]) -> None:
        """Give back what was claimed."""
        self._claims.release(payments)

    async def look_up(self, payments: Sequence[NewPayment], recall: bool) -> None:
        """Give an outcome to those that cannot be made, and with ``recall`` to those that were made before.

        What was made before is recalled even where no channel would take it any more. Raises LedgerUnavailableError.
        """
        refused = [
            (payment, refusal)
            for payment in payments
            if not payment.is_paid_from_balance and (refusal := self._channels.refusal(payment))
        ]
        if recall:
            await self._recall(payments)
        elif refused:
            await self._recall([payment for payment, _ in refused])
        for payment, refusal in refused:
            payment.outcome = payment.outcome or refusal
        await self._limits.load_payers(payments, self._clock_ns())
        for payment in self._limits.strangers(payments):
            payment.outcome = payment.outcome or Party.customer(payment.tenant, payment.customer_id).not_found()
        await self._look_up_parties([payment for payment in payments if payment.names_others])

    async def _recall(self, payments: Sequence[NewPayment]) -> None:
        with unavailable_raised():
            found = await self._ledger.store.pool.fetch(_RECALL, *recall_arguments(payments))
        for position, fingerprint, reply in found:
            payment = payments[position - 1]
            payment.outcome = _known(payment, fingerprint, reply)

    async def _look_up_parties(self, payments: Sequence[NewPayment]) -> None:
        """Look for the stores and customers that are named, but for payers, who are read with their limits."""
        named = [
            (payment, party)
            for payment in payments
            for party in parties(payment.tenant, payment.customer_id, payment.store_id)
        ]
        unknown = await self._parties.unknown(party for _, party in named) if named else ()
        for payment, party in named:
            if party in unknown:
                payment.outcome = payment.outcome or party.not_found()

    async def record(self, payments: Sequence[NewPayment], deadline: float | None) -> None:
        """Make the payments durable; those paid from a balance are decided. Raises as ``Ledger.enqueue``."""
        if not payments:
            return
        deciding = await self._within_limits([payment for payment in payments if payment.is_paid_from_balance])
        if not deciding:
            await self._ledger.record(_rows(payments), deadline=deadline)
            self._tell(payments)
            return

        # Written while the batch before is on its way, as they will nearly always be.
        expect_payments(deciding)
        rows = _rows(payments)

        def rows_of(results: bytes) -> list[Part]:
            nonlocal rows
            if decide_payments(deciding, results):
                rows = _rows(payments)
            return rows

        try:
            transfers = await self._transfers(deciding)
            await self._ledger.enqueue(Operation.CREATE_TRANSFERS, transfers, deadline=deadline, rows_of=rows_of)
        except RowsRefusedError:
            self._limits.decided_all(deciding, recorded=False)
            raise
        except BaseException:
            self._limits.decided_all(deciding, recorded=None)
            raise
        self._limits.decided_all(deciding, recorded=True)
        self._tell(payments)

    def _tell(self, payments: Sequence[NewPayment]) -> None:
        for status, count in payments_recorded(payments).items():
            self._told[EventType(f"payment.{status}")] += count

    async def _within_limits(self, payments: list[NewPayment]) -> list[NewPayment]:
        """Return those that the limits of law allow; the others have failed."""
        if not payments:
            return payments
        now_ns = self._clock_ns()
        await self._limits.load_payers(payments, now_ns)
        return self._limits.take_all(payments, now_ns)

    async def _transfers(self, payments: Sequence[NewPayment]) -> bytes:
        """Return the packed transfers; the accounts they need are opened first."""
        if unknown := self._balances.unknown(payments):
            if len(self._balances) > _BALANCES_MAX:
                self._balances.clear()
            keys = [_account(payments[place], ledger, owner_id) for ledger, owner_id, place in unknown]
            for key, account_id in zip(keys, await self._accounts.opened(keys), strict=True):
                self._balances.learn(key.ledger, key.owner_id, account_id)
            return await self._transfers(payments)
        return self._balances.transfers(payments)


def payment_of(payment: NewPayment) -> Payment:
    """Return a recorded payment as its merchant sees it."""
    assert payment.reply is not None
    return decoded_payment(payment.reply)


def _known(payment: NewPayment, fingerprint: bytes | None, reply: str) -> Payment | PycoreError:
    """Return the outcome of a payment whose key or reference is taken."""
    if fingerprint == payment.fingerprint:
        return decoded_payment(reply)
    if fingerprint is not None:
        return IdempotencyMismatchError()
    return AlreadyExistsError(
        f"there is a payment with the merchant_reference {payment.merchant_reference} already;"
        " nothing was recorded: look at it, or choose a new reference"
    )


def _account(payment: NewPayment, ledger: int, owner_id: int) -> AccountKey:
    """Return the account of a payment's payer, or of its merchant."""
    if owner_id == payment.tenant.merchant_id:
        return merchant_pending(ledger, payment.tenant)
    return customer_balance(ledger, payment.tenant, owner_id)


def _rows(payments: Sequence[NewPayment]) -> list[Part]:
    """Return the rows of the payments and their events; the payments are their outcomes from now on."""
    made, events = RowBuffer(PAYMENTS.columns), RowBuffer(EVENTS.columns)
    write_payments(payments, IDS, made, events)
    return [EncodedInsertion(PAYMENTS, made), EncodedInsertion(EVENTS, events)]

"""Customers' stored value beside payments: what is there, taking it out, and play money in test mode.

It grows by top-ups, which are payments (``purpose`` ``top_up``). Money moves on somebody's instruction only: every
transfer carries the payment's, withdrawal's or instruction's id.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta, Struct

from pycore.errors import AlreadyExistsError, InvalidRequestError, InvalidStateError, NotFoundError
from pycore.events import EventType
from pycore.ids import format_typed_id, new_id
from pycore.ledger import CreateTransferStatus, Ledger, Transfer, TransferFlags, chart
from pycore.ledger.chart import AccountCode, AccountKey, Chart, TransferCode
from pycore.ledger.rows import Part
from pycore.moment import moment
from pycore.money import CURRENCIES
from pycore.payments import tables
from pycore.payments.book import PaymentBook, TransferRefusedError, looking_again
from pycore.payments.idempotency import Reply, RequestKey, RequestMemory, fingerprint
from pycore.payments.locks import Locks
from pycore.payments.parties import Parties
from pycore.payments.record import CUSTOMER_PREFIX
from pycore.payments.request import (
    Minor,
    Reference,
    check_amount,
    check_currency,
    check_key,
    check_reference,
    refuse_secrets,
    refuse_unprintable,
)
from pycore.store import unavailable_raised
from pycore.tenant import Tenant

PREFIX: Final = "wdr"

_CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["CNY"])]
_DESTINATION: Final = 64


class WithdrawalStatus(StrEnum):
    """How far a withdrawal is."""

    REQUESTED = "requested"
    """The money is held until it is paid out."""
    CANCELED = "canceled"
    """It was called off; the customer has the money again."""


class Balance(Struct, frozen=True, kw_only=True):
    """A customer's stored value in one currency, in minor units: what can be spent, and what is held."""

    customer_id: str
    object: Literal["balance"] = "balance"
    live: bool
    currency: str
    available: int
    held: int


class Withdrawal(Struct, frozen=True, kw_only=True, gc=False):
    """Stored value on its way out.

    Attributes:
        id: ``wdr_…``.
        destination: the merchant's own name of the bank account; never its number.
    """

    id: str
    object: Literal["withdrawal"] = "withdrawal"
    live: bool
    customer_id: str
    merchant_reference: str
    status: WithdrawalStatus
    amount: int
    currency: str
    destination: str
    created_at: datetime
    updated_at: datetime


class CreateWithdrawal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Stored value to take out."""

    merchant_reference: Reference
    amount: Minor
    currency: _CurrencyCode = "CNY"
    destination: Annotated[str, Meta(min_length=1, max_length=_DESTINATION)]


class Fund(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Play money for a customer in test mode."""

    amount: Minor
    currency: _CurrencyCode = "CNY"


class WithdrawalRecord(Struct, frozen=True, kw_only=True):
    """One row of ``withdrawals``. The hold in the ledger has the withdrawal's id."""

    id: int
    tenant: Tenant
    customer_id: int
    merchant_reference: str
    status: WithdrawalStatus
    amount: int
    currency: str
    destination: str
    created_at: int
    updated_at: int
    version: int = 1

    def public(self) -> Withdrawal:
        """Return it as its merchant sees it."""
        return Withdrawal(
            id=format_typed_id(PREFIX, self.id),
            live=self.tenant.live,
            customer_id=format_typed_id(CUSTOMER_PREFIX, self.customer_id),
            merchant_reference=self.merchant_reference,
            status=self.status,
            amount=self.amount,
            currency=self.currency,
            destination=self.destination,
            created_at=moment(self.created_at),
            updated_at=moment(self.updated_at),
        )

    def inserted(self) -> tuple[Any, ...]:
        """Return its values in the order of ``tables.WITHDRAWALS``."""
        return (
            self.id,
            self.tenant.merchant_id,
            self.tenant.live,
            self.customer_id,
            self.merchant_reference,
            self.status,
            self.amount,
            self.currency,
            self.destination,
            self.created_at,
            self.updated_at,
            self.version,
        )


_ENCODE: Final = msgspec.json.Encoder().encode
_WITHDRAWAL: Final = msgspec.json.Decoder(Withdrawal)
_BALANCE: Final = msgspec.json.Decoder(Balance)


class Wallet:
    """What customers have, and the ways in and out. All raise as ``Ledger.enqueue`` besides what they name."""

    def __init__(
        self,
        ledger: Ledger,
        book: PaymentBook,
        accounts: Chart,
        memory: RequestMemory,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._accounts = accounts
        self._memory = memory
        self._clock_ns = clock_ns
        self._parties = Parties(ledger.store)
        self._locks = Locks()

    async def balance(self, tenant: Tenant, customer_id: int, currency: str = "CNY") -> Balance:
        """Return what a customer has. Raises NotFoundError, InvalidRequestError, LedgerUnavailableError."""
        check_currency(currency)
        await self._parties.check(tenant, customer_id, None)
        return await self._balance(tenant, customer_id, currency)

    async def fund(self, tenant: Tenant, customer_id: int, key: str, request: Fund) -> Balance:
        """Give a customer play money. Raises InvalidStateError in live mode, NotFoundError, InvalidRequestError."""
        if tenant.live:
            raise InvalidStateError("there is no play money in live mode; nothing was recorded: top up by a payment")
        check_amount(request.amount)
        check_currency(request.currency)
        ledger = _ledger(tenant, request.currency)
        keys = [AccountKey(AccountCode.CUSTODY_BANK, ledger), chart.customer_balance(ledger, tenant, customer_id)]

        async def funded(reply: Reply) -> bytes:
            bank, target = await self._accounts.opened(keys)
            transfer = _move(new_id(), bank, target, request.amount, ledger, TransferCode.TEST_FUNDS)
            before = await self._balance(tenant, customer_id, request.currency)
            after = msgspec.structs.replace(before, available=before.available + request.amount)
            await self._book.commit([reply.kept(_ENCODE(after), self._clock_ns())], [transfer])
            return _ENCODE(after)

        return _BALANCE.decode(await self._once(tenant, customer_id, "wallet.fund", key, request, funded))

    async def withdraw(self, tenant: Tenant, customer_id: int, key: str, request: CreateWithdrawal) -> Withdrawal:
        """Hold stored value until it is paid out.

        Raises NotFoundError, InvalidRequestError, AlreadyExistsError, and InvalidStateError for more than there is.
        """
        _check_withdrawal(request)
        ledger, now_ns = _ledger(tenant, request.currency), self._clock_ns()
        record = WithdrawalRecord(
            id=new_id(),
            tenant=tenant,
            customer_id=customer_id,
            merchant_reference=request.merchant_reference,
            status=WithdrawalStatus.REQUESTED,
            amount=request.amount,
            currency=request.currency,
            destination=request.destination,
            created_at=now_ns,
            updated_at=now_ns,
        )

        async def held(reply: Reply) -> bytes:
            await self._refuse_taken(tenant, request.merchant_reference)
            source = chart.customer_balance(ledger, tenant, customer_id)
            debit, credit = await self._accounts.opened([source, AccountKey(AccountCode.PAYOUT_IN_TRANSIT, ledger)])
            hold = _move(
                record.id, debit, credit, record.amount, ledger, TransferCode.WITHDRAWAL, TransferFlags.PENDING
            )
            data = _ENCODE(record.public())
            rows: list[Part] = [
                tables.new_withdrawal(record.inserted()),
                tables.event(EventType.WITHDRAWAL_REQUESTED, tenant, record.id, data, now_ns),
                reply.kept(data, now_ns),
            ]
            try:
                await self._book.commit(rows, [hold])
            except TransferRefusedError as refused:
                if refused.results[0].status is not CreateTransferStatus.EXCEEDS_CREDITS:
                    raise
                raise InvalidStateError("the balance is less than that; nothing was recorded") from None
            return data

        return _WITHDRAWAL.decode(await self._once(tenant, customer_id, "withdrawals.create", key, request, held))

    async def withdrawal(self, tenant: Tenant, withdrawal_id: int) -> Withdrawal:
        """Return a withdrawal. Raises NotFoundError, LedgerUnavailableError."""
        return (await self._record(tenant, withdrawal_id)).public()

    async def cancel(self, tenant: Tenant, withdrawal_id: int, key: str) -> Withdrawal:
        """Give the customer back what was held. Raises NotFoundError, InvalidStateError."""
        customer_id = (await self._record(tenant, withdrawal_id)).customer_id

        async def canceled(reply: Reply) -> bytes:
            before = await self._record(tenant, withdrawal_id)
            if before.status is not WithdrawalStatus.REQUESTED:
                raise InvalidStateError(f"the withdrawal is {before.status}; nothing was recorded")
            record = msgspec.structs.replace(
                before, status=WithdrawalStatus.CANCELED, updated_at=self._clock_ns(), version=before.version + 1
            )
            release = Transfer(
                id=new_id(),
                pending_id=record.id,
                user_data_128=record.id,
                flags=TransferFlags.VOID_PENDING_TRANSFER,
            )
            data = _ENCODE(record.public())
            rows: list[Part] = [
                tables.changed_withdrawal(record.inserted()),
                tables.event(EventType.WITHDRAWAL_CANCELED, tenant, record.id, data, record.updated_at),
                reply.kept(data, record.updated_at),
            ]
            await self._book.commit(rows, [release])
            return data

        reply = await self._once(tenant, customer_id, "withdrawals.cancel", key, str(withdrawal_id), canceled)
        return _WITHDRAWAL.decode(reply)

    async def _once(
        self,
        tenant: Tenant,
        customer_id: int,
        operation: str,
        key: str,
        request: object,
        change: Callable[[Reply], Awaitable[bytes]],
    ) -> bytes | str:
        """Change a customer's money unless the same request did so before; then its reply is given again."""
        check_key(key)
        reply = Reply(RequestKey(tenant, operation, key), fingerprint(request, customer_id))

        async def changed() -> bytes | str:
            known = await self._memory.recall(reply.request)
            kept = known.reply_to(reply.fingerprint)
            return await change(reply) if kept is None else kept

        self._memory.claim(reply.request)
        try:
            await self._parties.check(tenant, customer_id, None)
            async with self._locks.held(customer_id):
                return await looking_again(changed)
        finally:
            self._memory.release([reply.request])

    async def _balance(self, tenant: Tenant, customer_id: int, currency: str) -> Balance:
        key = chart.customer_balance(_ledger(tenant, currency), tenant, customer_id)
        found = await self._ledger.lookup_accounts([key.account_id])
        held = found[0].debits_pending if found else 0
        return Balance(
            customer_id=format_typed_id(CUSTOMER_PREFIX, customer_id),
            live=tenant.live,
            currency=currency,
            available=found[0].credit_balance - held if found else 0,
            held=held,
        )

    async def _record(self, tenant: Tenant, withdrawal_id: int) -> WithdrawalRecord:
        with unavailable_raised():
            row = await self._ledger.store.pool.fetchrow(
                "SELECT * FROM withdrawals WHERE id = $1 AND merchant_id = $2 AND live = $3",
                UUID(int=withdrawal_id),
                UUID(int=tenant.merchant_id),
                tenant.live,
            )
        if row is None:
            raise NotFoundError("there is no such withdrawal")
        return withdrawal_record(row)

    async def _refuse_taken(self, tenant: Tenant, reference: str) -> None:
        with unavailable_raised():
            taken = await self._ledger.store.pool.fetchval(
                "SELECT 1 FROM withdrawals WHERE merchant_id = $1 AND live = $2 AND merchant_reference = $3",
                UUID(int=tenant.merchant_id),
                tenant.live,
                reference,
            )
        if taken:
            raise AlreadyExistsError(
                f"there is a withdrawal with the merchant_reference {reference} already; nothing was recorded: look at"
                " it, or choose a new reference"
            )


def _check_withdrawal(request: CreateWithdrawal) -> None:
    check_reference(request.merchant_reference)
    check_amount(request.amount)
    check_currency(request.currency)
    if not 1 <= len(request.destination) <= _DESTINATION:
        raise InvalidRequestError(
            f"destination: must be 1 to {_DESTINATION} characters; nothing was recorded: correct it"
        )
    refuse_unprintable(destination=request.destination)
    refuse_secrets(merchant_reference=request.merchant_reference, destination=request.destination)


def _ledger(tenant: Tenant, currency: str) -> int:
    return chart.ledger_number(CURRENCIES[currency], live=tenant.live)


def _move(id: int, debit: int, credit: int, amount: int, ledger: int, code: TransferCode, flags: int = 0) -> Transfer:
    return Transfer(
        id=id,
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        user_data_128=id,
        ledger=ledger,
        code=code,
        flags=flags,
    )


def withdrawal_record(row: asyncpg.Record) -> WithdrawalRecord:
    """Return the withdrawal in a row that has all columns of the table."""
    return WithdrawalRecord(
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        customer_id=row["customer_id"].int,
        merchant_reference=row["merchant_reference"],
        status=WithdrawalStatus(row["status"]),
        amount=row["amount"],
        currency=row["currency"],
        destination=row["destination"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )

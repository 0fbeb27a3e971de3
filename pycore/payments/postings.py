"""The bridge between payments and the ledger: which transfers a step of a payment is."""

from __future__ import annotations

from pycore.errors import InvalidStateError
from pycore.ids import new_id
from pycore.ledger import Transfer, TransferFlags, chart
from pycore.ledger.chart import AccountKey, Chart, TransferCode
from pycore.payments.payment import Purpose
from pycore.payments.record import PaymentRecord, RefundRecord


def ledger_of(record: PaymentRecord) -> int:
    """Return the ledger a payment is booked in."""
    return chart.ledger_number(record.money, live=record.tenant.live)


def beneficiary(record: PaymentRecord) -> AccountKey:
    """Return who gets a payment's money: the merchant, or for a top-up the customer's balance."""
    ledger = ledger_of(record)
    if record.purpose is Purpose.TOP_UP:
        return chart.customer_balance(ledger, record.tenant, payer_of(record))
    return chart.merchant_pending(ledger, record.tenant)


def payer_balance(record: PaymentRecord) -> AccountKey:
    """Return the stored value a payment is paid from."""
    return chart.customer_balance(ledger_of(record), record.tenant, payer_of(record))


def pay_from_balance(record: PaymentRecord, payer: int, receiver: int, *, hold_seconds: int = 0) -> Transfer:
    """Return the transfer of a payment from stored value; with ``hold_seconds`` it only holds the money.

    Its id is the payment's: a payment is taken from a balance once.
    """
    return Transfer(
        id=record.id,
        debit_account_id=payer,
        credit_account_id=receiver,
        amount=record.amount,
        user_data_128=record.id,
        timeout=hold_seconds,
        ledger=ledger_of(record),
        code=TransferCode.PAYMENT,
        flags=TransferFlags.PENDING if hold_seconds else 0,
    )


def capture_hold(record: PaymentRecord, amount: int, *, rest_hold_id: int | None, rest_seconds: int) -> list[Transfer]:
    """Return the transfers that take ``amount`` of the hold; with ``rest_hold_id`` the rest is held anew."""
    hold_id = _hold(record)
    post = Transfer(
        id=new_id(),
        amount=amount,
        pending_id=hold_id,
        user_data_128=record.id,
        flags=TransferFlags.POST_PENDING_TRANSFER | (TransferFlags.LINKED if rest_hold_id else 0),
    )
    if rest_hold_id is None:
        return [post]
    rest = Transfer(
        id=rest_hold_id,
        debit_account_id=payer_balance(record).account_id,
        credit_account_id=beneficiary(record).account_id,
        amount=record.amount - record.amount_captured - amount,
        user_data_128=record.id,
        timeout=rest_seconds,
        ledger=ledger_of(record),
        code=TransferCode.PAYMENT,
        flags=TransferFlags.PENDING,
    )
    return [post, rest]


def release_hold(record: PaymentRecord) -> Transfer:
    """Return the transfer that gives a hold back."""
    return Transfer(
        id=new_id(), pending_id=_hold(record), user_data_128=record.id, flags=TransferFlags.VOID_PENDING_TRANSFER
    )


async def captured_by_channel(accounts: Chart, record: PaymentRecord, channel: str, transfer_id: int) -> Transfer:
    """Return the transfer of a payment that a channel took: it owes us, we owe the beneficiary.

    ``transfer_id`` is the attempt's id: an attempt succeeds once. Opens accounts; raises as ``Ledger.enqueue``.
    """
    receivable, receiver = await accounts.opened(
        [chart.channel_receivable(ledger_of(record), channel), beneficiary(record)]
    )
    code = TransferCode.TOP_UP if record.purpose is Purpose.TOP_UP else TransferCode.PAYMENT
    return _move(record, transfer_id, receivable, receiver, record.amount, code)


async def paid_twice(accounts: Chart, record: PaymentRecord, channel: str, amount: int, transfer_id: int) -> Transfer:
    """Return the transfer of money a channel took that the payment has no use for: it waits in suspense."""
    ledger = ledger_of(record)
    receivable, waiting = await accounts.opened(
        [chart.channel_receivable(ledger, channel), chart.suspense(ledger, channel)]
    )
    return _move(record, transfer_id, receivable, waiting, amount, TransferCode.DOUBLE_PAYMENT)


async def refund_began(accounts: Chart, record: PaymentRecord, refund: RefundRecord) -> Transfer:
    """Return the transfer that takes a refund's money: from the beneficiary, or what was paid twice from suspense.

    To a balance it goes at once; for a channel it is in transit until the channel says so.
    """
    ledger = ledger_of(record)
    source = chart.suspense(ledger, refund.channel) if refund.is_automatic else beneficiary(record)
    to_balance = refund.channel == "balance"
    target = payer_balance(record) if to_balance else chart.refund_in_transit(ledger, refund.channel)
    debit, credit = await accounts.opened([source, target])
    return _move(record, refund.id, debit, credit, refund.amount, TransferCode.REFUND)


async def refund_done(accounts: Chart, record: PaymentRecord, refund: RefundRecord) -> Transfer:
    """Return the transfer of a refund that the channel says is done: it owes us that much less."""
    ledger = ledger_of(record)
    transit, receivable = await accounts.opened(
        [chart.refund_in_transit(ledger, refund.channel), chart.channel_receivable(ledger, refund.channel)]
    )
    return _move(record, new_id(), transit, receivable, refund.amount, TransferCode.REFUND_DONE)


async def refund_returned(accounts: Chart, record: PaymentRecord, refund: RefundRecord) -> Transfer:
    """Return the transfer that puts a refused refund's money back where it came from."""
    ledger = ledger_of(record)
    source = chart.suspense(ledger, refund.channel) if refund.is_automatic else beneficiary(record)
    transit, back = await accounts.opened([chart.refund_in_transit(ledger, refund.channel), source])
    return _move(record, new_id(), transit, back, refund.amount, TransferCode.REFUND_RETURNED)


def _move(record: PaymentRecord, id: int, debit: int, credit: int, amount: int, code: TransferCode) -> Transfer:
    return Transfer(
        id=id,
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        user_data_128=record.id,
        ledger=ledger_of(record),
        code=code,
    )


def payer_of(record: PaymentRecord) -> int:
    """Return the customer. Raises InvalidStateError where the payment names none."""
    if record.customer_id is None:
        raise InvalidStateError("the payment names no customer, so there is no balance; nothing was recorded")
    return record.customer_id


def _hold(record: PaymentRecord) -> int:
    if record.hold_id is None:
        raise InvalidStateError("nothing is held for this payment; nothing was recorded")
    return record.hold_id

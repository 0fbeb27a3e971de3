"""How the Czech bank's transactions are booked: its accounts, and one or two transfers per transaction.

Customers are liabilities of the bank, so their accounts grow on the credit side; no floor is set, because the bank
let some of them go below zero. Every kind of money in or out has its own counter-account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum

from bench.berka import BerkaError, Posted, Transaction
from pycore.ledger import Account, AccountFlags, Transfer, TransferFlags

LEDGER = 203
"""CZK in ISO 4217."""

CUSTOMER = 1
_ACCOUNTS = LEDGER << 96


class Counterpart(IntEnum):
    """Where the money came from or went to; also the account's ``code``."""

    CASH = 10
    CARD = 11
    OTHER_BANKS = 12
    INTEREST_PAID = 20
    FEE_INCOME = 30
    PENALTY_INTEREST_INCOME = 31
    LOANS = 40
    ROUNDING = 90

    @property
    def account_id(self) -> int:
        """The account's id."""
        return _ACCOUNTS | self << 64


class Reason(IntEnum):
    """Why the money moved: the transfer's ``code``."""

    CASH_DEPOSIT = 1
    CASH_WITHDRAWAL = 2
    CARD_WITHDRAWAL = 3
    RECEIVED = 4
    SENT = 5
    INTEREST = 6
    FEE = 7
    PENALTY_INTEREST = 8
    HOUSEHOLD = 9
    PENSION = 10
    INSURANCE = 11
    LOAN_PAYMENT = 12
    ROUNDING = 13


# By operation and purpose; the file's Czech words are translated in its README.
_CASH_OUT, _SENT = "VYBER", "PREVOD NA UCET"
_KINDS = {
    ("VKLAD", ""): (Counterpart.CASH, Reason.CASH_DEPOSIT),
    (_CASH_OUT, ""): (Counterpart.CASH, Reason.CASH_WITHDRAWAL),
    (_CASH_OUT, "SIPO"): (Counterpart.CASH, Reason.HOUSEHOLD),
    (_CASH_OUT, "SLUZBY"): (Counterpart.FEE_INCOME, Reason.FEE),
    (_CASH_OUT, "SANKC. UROK"): (Counterpart.PENALTY_INTEREST_INCOME, Reason.PENALTY_INTEREST),
    ("VYBER KARTOU", ""): (Counterpart.CARD, Reason.CARD_WITHDRAWAL),
    ("PREVOD Z UCTU", ""): (Counterpart.OTHER_BANKS, Reason.RECEIVED),
    ("PREVOD Z UCTU", "DUCHOD"): (Counterpart.OTHER_BANKS, Reason.PENSION),
    (_SENT, ""): (Counterpart.OTHER_BANKS, Reason.SENT),
    (_SENT, "SIPO"): (Counterpart.OTHER_BANKS, Reason.HOUSEHOLD),
    (_SENT, "POJISTNE"): (Counterpart.OTHER_BANKS, Reason.INSURANCE),
    (_SENT, "UVER"): (Counterpart.LOANS, Reason.LOAN_PAYMENT),
    ("", "UROK"): (Counterpart.INTEREST_PAID, Reason.INTEREST),
}


def customer_account_id(number: int) -> int:
    """Return the ledger's id of the bank's account ``number``."""
    return _ACCOUNTS | CUSTOMER << 64 | number


def accounts(numbers: Iterable[int]) -> list[Account]:
    """Return all accounts: the counterparts, and one per customer that keeps its history."""
    counterparts = [Account(id=kind.account_id, ledger=LEDGER, code=kind) for kind in Counterpart]
    return counterparts + [
        Account(
            id=customer_account_id(number),
            ledger=LEDGER,
            code=CUSTOMER,
            flags=AccountFlags.HISTORY,
            user_data_64=number,
        )
        for number in numbers
    ]


def transfers(posted: Posted) -> list[Transfer]:
    """Return the transfer of one transaction, linked with a second one where the bank rounded.

    After the last of them the customer's balance is the bank's.
    """
    transaction, rounding = posted
    kind = _KINDS.get((transaction.operation, transaction.purpose))
    if kind is None:
        what = f"{transaction.operation!r}, {transaction.purpose!r}"
        raise BerkaError(f"transaction {transaction.trans_id}: unknown operation and purpose {what}")
    counterpart, reason = kind
    if not rounding:
        return [_transfer(transaction, counterpart, reason, transaction.change)]
    return [
        _transfer(transaction, counterpart, reason, transaction.change, flags=TransferFlags.LINKED),
        _transfer(transaction, Counterpart.ROUNDING, Reason.ROUNDING, rounding),
    ]


def _transfer(
    transaction: Transaction, counterpart: Counterpart, reason: Reason, change: int, *, flags: int = 0
) -> Transfer:
    customer = customer_account_id(transaction.account_id)
    came_in = change > 0
    return Transfer(
        id=transfer_id(transaction, rounding=reason is Reason.ROUNDING),
        debit_account_id=counterpart.account_id if came_in else customer,
        credit_account_id=customer if came_in else counterpart.account_id,
        amount=abs(change),
        user_data_128=int.from_bytes(f"{transaction.bank}{transaction.partner}".encode()),
        user_data_64=transaction.trans_id,
        user_data_32=transaction.date,
        ledger=LEDGER,
        code=reason,
        flags=flags,
    )


def transfer_id(transaction: Transaction, *, rounding: bool) -> int:
    """Return an id made of the day, the transaction's number and the leg, in the shape of a UUIDv7.

    The same row always gets the same id, so posting the file again changes nothing.
    """
    version, variant = 7, 2
    return transaction.date_ms << 80 | version << 76 | rounding << 64 | variant << 62 | transaction.trans_id


def counterpart_balances(posted: Iterable[Posted]) -> Counter[int]:
    """Return what each counterpart account must hold in the end: credits less debits, by account id."""
    balances: Counter[int] = Counter({kind.account_id: 0 for kind in Counterpart})
    counterparts = set(balances)
    for item in posted:
        for transfer in transfers(item):
            if transfer.credit_account_id in counterparts:
                balances[transfer.credit_account_id] += transfer.amount
            else:
                balances[transfer.debit_account_id] -= transfer.amount
    return balances

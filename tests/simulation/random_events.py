"""Seeded requests that meet each other: few accounts, few ids, every kind of transfer, old ids again."""

from __future__ import annotations

from random import Random

from pycore.ledger import Account, AccountFlags, Operation, Transfer, TransferFlags
from pycore.ledger.account import pack_accounts
from pycore.ledger.transfer import AMOUNT_MAX, pack_transfers

LEDGER = 7
Unit = tuple[int, bytes]

_ACCOUNT_FLAGS = (
    0,
    0,
    AccountFlags.HISTORY,
    AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS,
    AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS | AccountFlags.HISTORY,
)
_MOVE_FLAGS = (
    0,
    0,
    0,
    TransferFlags.BALANCING_DEBIT,
    TransferFlags.BALANCING_CREDIT,
    TransferFlags.PENDING,
    TransferFlags.PENDING,
)
_DAY_MS = 86_400_000


class RandomEvents:
    """Makes units; remembers what it made, so that later ones repeat, post and void earlier ones."""

    def __init__(self, random: Random, accounts: int = 12) -> None:
        self._random = random
        self._accounts = accounts
        self._made: list[Transfer] = []
        self._holds: list[int] = []
        self._serial = 0

    def first_accounts(self) -> Unit:
        """Return a request for most of the accounts; a few never exist, so that some transfers fail."""
        accounts = [
            Account(id=number, ledger=LEDGER, code=1, flags=self._random.choice(_ACCOUNT_FLAGS))
            for number in range(1, self._accounts)
        ]
        return Operation.CREATE_ACCOUNTS, pack_accounts(accounts)

    def units(self, now: int) -> list[Unit]:
        """Return the units of one batch that is applied at about ``now`` (nanoseconds)."""
        return [self._unit(now) for _ in range(self._random.choice((1, 1, 2, 4)))]

    def _unit(self, now: int) -> Unit:
        if self._random.random() < 0.03:
            number = self._random.randint(1, self._accounts)
            return Operation.CREATE_ACCOUNTS, pack_accounts([Account(id=number, ledger=LEDGER, code=1)])
        transfers = [self._transfer(now) for _ in range(self._random.choice((1, 2, 5, 12)))]
        return Operation.CREATE_TRANSFERS, pack_transfers(transfers)

    def _transfer(self, now: int) -> Transfer:
        kind = self._random.random()
        if kind < 0.12 and self._made:
            # A caller that never got its answer asks again, sometimes very late.
            return self._random.choice(self._made)
        transfer = self._resolution(now) if kind < 0.35 and self._holds else self._move(now)
        self._made.append(transfer)
        if transfer.flags & TransferFlags.PENDING:
            self._holds.append(transfer.id)
        return transfer

    def _move(self, now: int) -> Transfer:
        random = self._random
        debit, credit = random.sample(range(1, self._accounts + 1), 2)
        flags = random.choice(_MOVE_FLAGS)
        if flags and random.random() < 0.01:
            # Rare, because an account that nobody reopens takes part in nothing any more.
            flags = TransferFlags.PENDING | TransferFlags.CLOSING_CREDIT
        if random.random() < 0.15:
            flags |= TransferFlags.LINKED
        return Transfer(
            id=self._id(now),
            debit_account_id=debit,
            credit_account_id=credit,
            amount=random.choice((0, 1, 5, random.randint(1, 1000), random.randint(1, 1 << 70))),
            user_data_64=random.getrandbits(64),
            timeout=random.choice((0, 1, 3, 60)) if flags & TransferFlags.PENDING else 0,
            ledger=LEDGER,
            code=random.randint(1, 3),
            flags=flags,
        )

    def _resolution(self, now: int) -> Transfer:
        post = self._random.random() < 0.6
        return Transfer(
            id=self._id(now),
            pending_id=self._random.choice(self._holds),
            amount=self._random.choice((AMOUNT_MAX, 1, 4)) if post else 0,
            flags=TransferFlags.POST_PENDING_TRANSFER if post else TransferFlags.VOID_PENDING_TRANSFER,
        )

    def _id(self, now: int) -> int:
        """Return a new id: mostly of this moment, sometimes late, sometimes without a time in it."""
        self._serial += 1
        kind = self._random.random()
        if kind < 0.08:
            return self._serial
        time_ms = now // 1_000_000 - (self._random.randint(0, _DAY_MS) if kind < 0.16 else 0)
        return time_ms << 80 | self._random.getrandbits(40) << 24 | self._serial

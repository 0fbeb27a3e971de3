"""Random transfers: plain, holds, posts and voids, balancing, closing; wrong ones; and ones that were sent before."""

from __future__ import annotations

from random import Random

from tests.model.ledger import ReferenceLedger
from tests.model.records import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    IMPORTED,
    LINKED,
    PENDING,
    POST_PENDING,
    TRANSFER_FLAGS_ALL,
    U64,
    U128_MAX,
    VOID_PENDING,
    Account,
    Transfer,
)

_REMEMBERED = 4_000
_SMALL = (0, 1, 2)
_BALANCING = BALANCING_DEBIT | BALANCING_CREDIT
_CHANGEABLE = (
    "flags",
    "pending_id",
    "timeout",
    "debit_account_id",
    "credit_account_id",
    "amount",
    "user_data_128",
    "user_data_64",
    "user_data_32",
    "ledger",
    "code",
)


class TransferEvents:
    """Makes transfers for one ledger."""

    def __init__(self, random: Random, reference: ReferenceLedger) -> None:
        self._random = random
        self._reference = reference
        self._sent: list[Transfer] = []
        self._holds: list[Transfer] = []
        self._serial = 0
        self.flags_tried: set[int] = set()
        """Every combination of flags an event carried."""

    def event(self, now: int) -> Transfer:
        """Return one transfer to be created at about ``now``."""
        chance = self._random.random()
        if self._sent and chance < 0.14:
            transfer = self._again()
        else:
            transfer = self._new(now)
            if chance < 0.19:
                transfer = transfer._replace(flags=self._random.randrange(TRANSFER_FLAGS_ALL + 1))
            elif chance < 0.36:
                transfer = self._wrong(transfer, now)
        if self._random.random() < 0.08:
            transfer = transfer._replace(flags=transfer.flags ^ LINKED)
        return self._remember(transfer)

    def imported(self, timestamp: int, now: int) -> Transfer:
        """Return one transfer that happened at ``timestamp``."""
        transfer = self.event(now)
        if self._random.random() < 0.04:
            return transfer
        if self._random.random() < 0.7:
            transfer = transfer._replace(timeout=0)
        if self._random.random() < 0.15:
            timestamp = self._odd_timestamp(now)
        return self._remember(transfer._replace(flags=transfer.flags | IMPORTED, timestamp=timestamp))

    def short_hold(self, now: int) -> Transfer:
        """Return a hold so small that it nearly always succeeds, due after a second."""
        debit, credit = self._pair()
        return Transfer(
            id=self._new_id(now),
            debit_account_id=debit.id,
            credit_account_id=credit.id,
            amount=self._random.choice((0, 0, 0, 0, 1)),
            timeout=1,
            ledger=debit.ledger,
            code=1,
            flags=PENDING,
        )

    def _remember(self, transfer: Transfer) -> Transfer:
        self.flags_tried.add(transfer.flags)
        memory = [self._sent]
        if transfer.flags & PENDING:
            memory.append(self._holds)
        for kept in memory:
            if len(kept) < _REMEMBERED:
                kept.append(transfer)
            else:
                kept[self._random.randrange(_REMEMBERED)] = transfer
        return transfer

    # -- good transfers

    def _new(self, now: int) -> Transfer:
        chance = self._random.random()
        if self._holds and chance < 0.30:
            return self.ending(self._hold(), now)
        debit, credit = self._pair()
        flags = timeout = 0
        if chance < 0.55:
            flags = PENDING
            if self._random.random() < 0.4:
                timeout = self._random.choice((1, 1, 2, 5, 60, 86_400, (1 << 32) - 1))
        if chance > 0.45 and self._random.random() < 0.15:
            flags |= self._random.choice((BALANCING_DEBIT, BALANCING_CREDIT, _BALANCING))
        if flags & PENDING and self._random.random() < 0.06:
            flags |= self._random.choice((CLOSING_DEBIT, CLOSING_CREDIT, CLOSING_DEBIT | CLOSING_CREDIT))
        choose = self._random.choice
        return Transfer(
            id=self._new_id(now),
            debit_account_id=debit.id,
            credit_account_id=credit.id,
            amount=self._amount(debit, credit),
            user_data_128=choose(_SMALL),
            user_data_64=choose(_SMALL),
            user_data_32=choose(_SMALL),
            timeout=timeout,
            ledger=debit.ledger,
            code=choose((1, 1, 2)),
            flags=flags,
        )

    def ending(self, hold: Transfer, now: int) -> Transfer:
        """Return a post or a void of the hold, nearly always a good one."""
        transfer = Transfer(id=self._new_id(now), pending_id=hold.id, amount=hold.amount)
        if self._random.random() < 0.4:
            transfer = transfer._replace(
                flags=VOID_PENDING, amount=self._random.choice((0, 0, hold.amount, hold.amount // 2))
            )
        else:
            part = self._random.randint(0, hold.amount)
            transfer = transfer._replace(flags=POST_PENDING, amount=self._random.choice((U128_MAX, hold.amount, part)))
        for field in ("debit_account_id", "credit_account_id", "ledger", "code", "user_data_128", "user_data_64"):
            if self._random.random() < 0.2:
                transfer = transfer._replace(**{field: getattr(hold, field)})
        if self._random.random() < 0.2:
            transfer = transfer._replace(user_data_32=self._random.choice(_SMALL))
        return transfer

    def _hold(self) -> Transfer:
        """Return a hold: mostly one that is open, sometimes one that ended or never was."""
        sent = self._random.choice(self._holds)
        for _ in range(3):
            if sent.id in self._reference.tables.open_holds:
                return self._reference.tables.transfers[sent.id]
            if self._random.random() < 0.25:
                break
            sent = self._random.choice(self._holds)
        recorded = self._reference.tables.transfers.get(sent.id)
        return recorded if recorded is not None and recorded.flags & PENDING else sent

    def _pair(self) -> tuple[Account, Account]:
        """Return two accounts of one ledger; closed ones less often than chance would have it."""
        accounts = self._reference.tables.accounts
        ids = list(accounts)
        if not ids:
            return Account(1, ledger=1), Account(2, ledger=1)
        debit = credit = accounts[self._random.choice(ids)]
        for _ in range(8):
            if debit.flags & CLOSED:
                debit = accounts[self._random.choice(ids)]
            credit = accounts[self._random.choice(ids)]
            if credit.ledger == debit.ledger and credit.id != debit.id and not credit.flags & CLOSED:
                break
        return debit, credit

    def _amount(self, debit: Account, credit: Account) -> int:
        chance = self._random.random()
        if chance < 0.6:
            return self._random.choice((0, 1, 2, 10, 100, self._random.randrange(1_000)))
        if chance < 0.85:
            debits, credits_ = (
                debit.debits_pending + debit.debits_posted,
                credit.credits_pending + credit.credits_posted,
            )
            edge = self._random.choice((debit.credits_posted - debits, credit.debits_posted - credits_))
            return min(max(0, edge + self._random.randint(-1, 1)), U128_MAX)
        if chance < 0.93:
            return min(self._random.choice((U64, U64 + 1, 1 << 63)) + self._random.randint(-1, 1), U128_MAX)
        return self._huge_amount(debit, credit)

    def _huge_amount(self, debit: Account, credit: Account) -> int:
        """Return an amount that fills a balance to the brim, or one too much. Only a few accounts are so rich."""
        if debit.id % 5 and credit.id % 5:
            return self._random.randrange(1_000)
        side = self._random.choice(
            (
                debit.debits_pending,
                debit.debits_posted,
                debit.debits_pending + debit.debits_posted,
                credit.credits_pending,
                credit.credits_posted,
                credit.credits_pending + credit.credits_posted,
                U128_MAX // 2,
                U128_MAX // 4,
            )
        )
        return min(max(0, U128_MAX - side + self._random.randint(-1, 1)), U128_MAX)

    def _new_id(self, now: int) -> int:
        chance = self._random.random()
        if chance < 0.55:
            made_ms = max(0, now // 1_000_000 - self._random.randrange(5_000))
            return made_ms << 80 | self._random.getrandbits(80) | 1
        if chance < 0.90:
            self._serial += 1
            return self._serial
        if chance < 0.97:
            made_ms = self._random.randrange(now // 1_000_000 + 1)
            return made_ms << 80 | self._random.getrandbits(80) | 1
        # Around the last moment that is not yet the future.
        made_ms = now // 1_000_000 + 60_000 + self._random.randint(-2, 3)
        return made_ms << 80 | self._random.getrandbits(80)

    # -- odd transfers

    def _again(self) -> Transfer:
        """Return a transfer that was sent before: as it was, with a change, or under its hold's terms."""
        transfer = self._random.choice(self._sent)
        if not transfer.flags & IMPORTED:
            transfer = transfer._replace(timestamp=0)
        if self._random.random() < 0.3:
            return transfer
        field = self._random.choice(_CHANGEABLE)
        value = getattr(transfer, field)
        if field == "amount":
            changed = self._random.choice(
                (0, max(0, value - 1), min(value + 1, U128_MAX), 65_534, U128_MAX - 1, U128_MAX)
            )
        elif field == "flags":
            changed = value ^ 1 << self._random.randrange(9)
        else:
            changed = value ^ self._random.choice((1, 2, 3))
        return transfer._replace(**{field: changed})

    def _wrong(self, transfer: Transfer, now: int) -> Transfer:
        choose = self._random.choice
        accounts = list(self._reference.tables.accounts) or [1]
        for _ in range(choose((1, 1, 1, 2))):
            field, value = choose(
                (
                    ("id", choose((0, U128_MAX))),
                    ("debit_account_id", choose((0, U128_MAX, transfer.credit_account_id))),
                    ("credit_account_id", choose((0, U128_MAX, transfer.debit_account_id))),
                    ("debit_account_id", choose((9_999, choose(accounts)))),
                    ("credit_account_id", choose((9_999, choose(accounts)))),
                    ("amount", choose((0, transfer.amount + 1 & U128_MAX, U128_MAX - 1, U128_MAX))),
                    ("amount", max(0, transfer.amount - 1)),
                    ("pending_id", choose((0, 1, transfer.id, U128_MAX))),
                    ("pending_id", choose(self._sent).id if self._sent else 1),
                    ("timeout", choose((0, 1, (1 << 32) - 1))),
                    ("ledger", choose((0, 1, 2, 3))),
                    ("code", choose((0, 1, 2))),
                    ("flags", transfer.flags ^ 1 << self._random.randrange(9)),
                    ("flags", transfer.flags | choose((512, 1 << 15))),
                    ("timestamp", choose((1, now, U64))),
                )
            )
            transfer = transfer._replace(**{field: value})
        return transfer

    def _odd_timestamp(self, now: int) -> int:
        clock = self._reference.tables.clock
        edges = (0, 1, clock["account"], clock["account"] - 1, clock["transfer"], now, now + 9, 1 << 63, U64)
        return max(0, self._random.choice(edges))

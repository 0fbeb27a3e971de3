"""Random accounts: most are fine, some are wrong in one way or another, some exist already."""

from __future__ import annotations

from random import Random

from tests.model.ledger import ReferenceLedger
from tests.model.records import (
    ACCOUNT_IMPORTED,
    ACCOUNT_LINKED,
    CLOSED,
    CREDITS_MUST_NOT_EXCEED_DEBITS,
    DEBITS_MUST_NOT_EXCEED_CREDITS,
    HISTORY,
    U64,
    U128_MAX,
    Account,
)

LEDGERS = (1, 1, 1, 2)
_FLAGS = (
    0,
    0,
    HISTORY,
    DEBITS_MUST_NOT_EXCEED_CREDITS,
    CREDITS_MUST_NOT_EXCEED_DEBITS,
    DEBITS_MUST_NOT_EXCEED_CREDITS | HISTORY,
    CREDITS_MUST_NOT_EXCEED_DEBITS | HISTORY,
)
_SMALL = (0, 1, 2)
_EDGES_128 = (1, 2, U64, U64 + 1, U128_MAX - 1, U128_MAX)


class AccountEvents:
    """Makes accounts for one ledger."""

    def __init__(self, random: Random, reference: ReferenceLedger) -> None:
        self._random = random
        self._reference = reference
        self._sent: list[Account] = []

    def first(self) -> list[Account]:
        """Return a handful of good accounts of every kind."""
        return [self._good(flags) for flags in _FLAGS for _ in range(2)] + [self._good(CLOSED)]

    def event(self) -> Account:
        """Return one account to be created now."""
        chance = self._random.random()
        if self._sent and chance < 0.35:
            return self._again()
        account = self._good(self._random.choice(_FLAGS))
        if chance < 0.45:
            account = account._replace(flags=self._random.randrange(64) & ~ACCOUNT_IMPORTED)
        elif chance < 0.80:
            account = self._wrong(account)
        if self._random.random() < 0.12:
            account = account._replace(flags=account.flags | ACCOUNT_LINKED)
        return account

    def imported(self, timestamp: int, now: int) -> Account:
        """Return one account that was opened at ``timestamp``."""
        account = self._good(self._random.choice(_FLAGS)) if self._random.random() < 0.6 else self.event()
        if self._random.random() < 0.05:
            return account
        if self._random.random() < 0.4:
            clock = self._reference.tables.clock
            edges = (0, 1, clock["account"], clock["transfer"], now, now + 9, 1 << 63, (1 << 63) - 1, U64)
            timestamp = self._random.choice(edges)
        return account._replace(flags=account.flags | ACCOUNT_IMPORTED, timestamp=timestamp)

    def _good(self, flags: int) -> Account:
        choose = self._random.choice
        account = Account(
            id=choose((self._random.randrange(1, 400), self._random.getrandbits(127) + 1)),
            user_data_128=choose(_SMALL),
            user_data_64=choose(_SMALL),
            user_data_32=choose(_SMALL),
            ledger=choose(LEDGERS),
            code=choose((1, 1, 2)),
            flags=flags,
        )
        if len(self._sent) < 2_000:
            self._sent.append(account)
        return account

    def _again(self) -> Account:
        account = self._random.choice(self._sent)
        if self._random.random() < 0.5:
            field = self._random.choice(("flags", "user_data_128", "user_data_64", "user_data_32", "ledger", "code"))
            account = account._replace(**{field: getattr(account, field) ^ self._random.choice((1, 2, 8))})
        return account

    def _wrong(self, account: Account) -> Account:
        choose = self._random.choice
        for _ in range(choose((1, 1, 2))):
            field, value = choose(
                (
                    ("id", 0),
                    ("id", U128_MAX),
                    ("reserved", choose((1, (1 << 32) - 1))),
                    ("flags", account.flags | choose((64, 128, 1 << 15))),
                    ("flags", account.flags | DEBITS_MUST_NOT_EXCEED_CREDITS | CREDITS_MUST_NOT_EXCEED_DEBITS),
                    ("flags", account.flags | ACCOUNT_IMPORTED),
                    ("debits_pending", choose(_EDGES_128)),
                    ("debits_posted", choose(_EDGES_128)),
                    ("credits_pending", choose(_EDGES_128)),
                    ("credits_posted", choose(_EDGES_128)),
                    ("ledger", 0),
                    ("code", 0),
                    ("timestamp", choose((1, U64))),
                )
            )
            account = account._replace(**{field: value})
        return account

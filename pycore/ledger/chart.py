"""The chart of accounts: which accounts there are, where their ids come from, and what may not happen to them.

| account | one per | normal side | floor |
|---|---|---|---|
| ``channel_receivable`` | channel | debit | – |
| ``custody_bank`` | bank account | debit | – |
| ``customer_balance`` | customer | credit | 0 |
| ``merchant_pending`` | merchant | credit | – |
| ``payout_in_transit`` | bank | credit | – |
| ``refund_in_transit`` | channel | credit | – |
| ``suspense`` | channel | – | – |

Their codes are of the range 100 to 999, which the engine keeps for domains: at the doors of the raw ledger nobody opens
such an account, moves its money or ends a hold on it. Every account is of one currency, and live and test money never
meet: they are in different ledgers.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from hashlib import blake2b
from typing import Final, NamedTuple

import structlog

from pycore.errors import StateMismatchError
from pycore.ids import format_id
from pycore.ledger.account import Account, AccountFlags, unpack_accounts
from pycore.ledger.ledger import Ledger
from pycore.ledger.status import CreateAccountStatus
from pycore.money import Currency
from pycore.tenant import Tenant

log = structlog.get_logger()

TEST_LEDGERS: Final = 1_000_000
"""A currency's test ledger has its number and this."""

_COMPARED: Final = ("ledger", "code", "flags", "user_data_128")
_KNOWN_MAX: Final = 1 << 20
_TIME_MASK: Final = ((1 << 48) - 1) << 80


class AccountCode(IntEnum):
    """What an account holds (``Account.code``)."""

    # An Enum hashes its name in Python; every payment looks up accounts by their codes.
    __hash__ = int.__hash__

    CHANNEL_RECEIVABLE = 110
    """Captured through a channel, not yet paid to us by it."""
    CUSTODY_BANK = 120
    """Customers' money at a bank."""
    CUSTOMER_BALANCE = 210
    """A customer's stored value."""
    MERCHANT_PENDING = 220
    """Captured for a merchant, not yet cleared."""
    PAYOUT_IN_TRANSIT = 230
    """Sent to a bank, not yet confirmed."""
    REFUND_IN_TRANSIT = 240
    """A refund accepted by us, not yet done by the channel."""
    SUSPENSE = 310
    """A channel's money that belongs to no payment, until it is explained or given back."""


class TransferCode(IntEnum):
    """Why money moves (``Transfer.code``)."""

    PAYMENT = 1
    TOP_UP = 2
    REFUND = 3
    REFUND_DONE = 4
    REFUND_RETURNED = 5
    DOUBLE_PAYMENT = 6
    TEST_FUNDS = 7
    WITHDRAWAL = 8
    MANUAL_POSTING = 9
    """A correction that one operator asked for and another approved."""


_FLAGS: Final = {AccountCode.CUSTOMER_BALANCE: AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS}


class AccountKey(NamedTuple):
    """Names an account.

    Attributes:
        ledger: ``ledger_number`` of its currency.
        owner_id: whose it is: a customer's or merchant's id; 0 is the platform.
        scope: what tells apart accounts of one owner and code: a merchant's id for its customers, a channel's name.
    """

    code: AccountCode
    ledger: int
    owner_id: int = 0
    scope: int | str = 0

    @property
    def account_id(self) -> int:
        """The account's id: the owner's time, then a hash, so that nobody has to remember it."""
        digest = blake2b(repr(tuple(self)).encode(), digest_size=10).digest()
        return self.owner_id & _TIME_MASK | int.from_bytes(digest, "big")


def ledger_number(currency: Currency, *, live: bool) -> int:
    """Return the number of a currency's ledger."""
    return currency.number if live else TEST_LEDGERS + currency.number


def channel_receivable(ledger: int, channel: str) -> AccountKey:
    """Return what a channel owes us."""
    return AccountKey(AccountCode.CHANNEL_RECEIVABLE, ledger, scope=channel)


def refund_in_transit(ledger: int, channel: str) -> AccountKey:
    """Return what a channel is asked to give back."""
    return AccountKey(AccountCode.REFUND_IN_TRANSIT, ledger, scope=channel)


def suspense(ledger: int, channel: str) -> AccountKey:
    """Return what a channel took and nobody may keep."""
    return AccountKey(AccountCode.SUSPENSE, ledger, scope=channel)


def customer_balance(ledger: int, tenant: Tenant, customer_id: int) -> AccountKey:
    """Return a customer's stored value with this merchant: another merchant's customer has no such account."""
    return AccountKey(AccountCode.CUSTOMER_BALANCE, ledger, customer_id, tenant.merchant_id)


def merchant_pending(ledger: int, tenant: Tenant) -> AccountKey:
    """Return what was captured for a merchant."""
    return AccountKey(AccountCode.MERCHANT_PENDING, ledger, tenant.merchant_id)


class Chart:
    """Turns keys into ids of accounts that exist."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[AccountKey, int] = {}

    def known(self, key: AccountKey) -> int | None:
        """Return the account's id if it exists, without waiting.

        Raises StateMismatchError where another account stands in its place: money must not move there.
        """
        account_id = self._known.get(key)
        if account_id is None:
            account_id = key.account_id
            found = unpack_accounts(self._ledger.lookup_accounts_records([account_id]))
            if not found:
                return None
            _check_is_its_own(key, found[0])
            self._remember(key, account_id)
        return account_id

    async def opened(self, keys: Iterable[AccountKey]) -> list[int]:
        """Return the accounts' ids; those that do not exist yet are created. Raises as ``Ledger.enqueue``."""
        keys = list(keys)
        missing = [key for key in dict.fromkeys(keys) if self.known(key) is None]
        if missing:
            results = await self._ledger.create_accounts([_account(key) for key in missing])
            for key, result in zip(missing, results, strict=True):
                if result.status not in {CreateAccountStatus.CREATED, CreateAccountStatus.EXISTS}:
                    raise StateMismatchError(f"the account {key} cannot be opened: {result.status.name.lower()}")
                self._remember(key, key.account_id)
        return [self._known.get(key) or key.account_id for key in keys]

    def _remember(self, key: AccountKey, account_id: int) -> None:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known[key] = account_id


def _check_is_its_own(key: AccountKey, found: Account) -> None:
    """Compare an account that is there with what its domain would have opened. Raises StateMismatchError."""
    expected = _account(key)
    differing = [name for name in _COMPARED if getattr(found, name) != getattr(expected, name)]
    if differing:
        log.critical("an account stands in the place of another", account=str(key.account_id), differing=differing)
        raise StateMismatchError(
            f"in the place of the account {key.code.name.lower()} ({format_id(found.id)}) stands another one, whose"
            f" {' and '.join(differing)} differ: nothing was recorded; find out who opened it"
        )


def _account(key: AccountKey) -> Account:
    return Account(
        id=key.account_id,
        user_data_128=key.owner_id,
        ledger=key.ledger,
        code=key.code,
        flags=_FLAGS.get(key.code, AccountFlags(0)),
    )

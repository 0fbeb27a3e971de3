"""What a customer may pay from stored value: limits of law, as dated data (``limits.toml``), kept in one process.

The one writer's process counts: what was used before it started is read from the payments, once for each customer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache, partial
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from pycore._core import BalanceCounter, NewPayment
from pycore.payments.payment import PaymentStatus
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

CURRENCY: Final = "CNY"
"""The limits are in yuan; other currencies have none."""

_ZONE: Final = timezone(timedelta(hours=8))
"""The business day's (Asia/Shanghai, which has no summer time)."""

_PAID: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED})
_CUSTOMERS_MAX: Final = 1 << 20
_DAY_NS: Final = 86_400 * 10**9
_USED: Final = """
SELECT customers.id, customers.merchant_id, customers.live, customers.account_class,
    coalesce(sum(used.amount) FILTER (WHERE used.created_at >= $2), 0)::bigint AS today,
    coalesce(sum(used.amount), 0)::bigint AS counted
FROM customers
LEFT JOIN LATERAL (
    SELECT created_at, CASE status WHEN 'authorized' THEN amount ELSE amount_captured END AS amount
    FROM payments
    WHERE payments.customer_id = customers.id AND channel = 'balance' AND currency = 'CNY'
        AND status IN ('authorized', 'succeeded')
        AND payments.id >= CASE customers.account_class WHEN 1 THEN $4::uuid ELSE $3::uuid END
) AS used ON true
WHERE customers.id = ANY($1::uuid[])
GROUP BY customers.id
"""


class Authentication(StrEnum):
    """How the payer was verified for this payment."""

    NONE = "none"
    ONE_FACTOR = "one_factor"
    TWO_FACTORS = "two_factors"
    CERTIFICATE = "certificate"
    """Two factors, one of them a digital certificate or electronic signature: limited by contract only."""


class _Daily(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    effective_from: date
    source: str
    verified: bool
    two_factors: int
    fewer: int


class _AccountClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    effective_from: date
    source: str
    verified: bool
    class_1_lifetime: int
    class_2_year: int
    class_3_year: int


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    daily: tuple[_Daily, ...]
    account_class: tuple[_AccountClass, ...]


class BalanceLimits:
    """Counts what customers pay from their balances, and says when it is enough. The counting is done in the core."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counter = BalanceCounter()

    async def load(self, customer_ids: Sequence[int], now_ns: int) -> None:
        """Read what these customers used before, where that is not known yet. Raises LedgerUnavailableError."""
        await self._load(partial(self._counter.unknown, customer_ids), now_ns)

    async def load_payers(self, payments: Sequence[NewPayment], now_ns: int) -> None:
        """Read what those used before who pay from their balances. Raises LedgerUnavailableError."""
        await self._load(partial(self._counter.unknown_payers, payments), now_ns)

    async def _load(self, unknown: Callable[[], list[int]], now_ns: int) -> None:
        # While some are read, others may be forgotten; those who are not there never come.
        absent: set[int] = set()
        while missing := [id for id in unknown() if id not in absent]:
            absent.update(set(missing) - await self._read(missing, _day(now_ns)))

    async def _read(self, missing: list[int], day: int) -> set[int]:
        """Read what the missing used; return those who are there."""
        year_begins = int(datetime(_year(day), 1, 1, tzinfo=_ZONE).timestamp() * 1000) << 80
        with unavailable_raised():
            rows = await self._store.pool.fetch(
                _USED, _uuids(missing), _day_begins(day), UUID(int=year_begins), UUID(int=0)
            )
        if len(self._counter) > _CUSTOMERS_MAX:
            self._counter.make_room()
        for row in rows:
            tenant = Tenant(row[1].int, row[2])
            self._counter.learn(row[0].int, tenant, row[3], day, _year(day), row[4], row[5])
        return {row[0].int for row in rows}

    def strangers(self, payments: Sequence[NewPayment]) -> list[NewPayment]:
        """Return the payments whose payer, asked for by ``load_payers``, is not there or another tenant's."""
        return [payments[place] for place in self._counter.strangers(payments)]

    def take(self, customer_id: int, minor: int, authentication: Authentication, now_ns: int) -> str | None:
        """Count a payment until it is ``decided``; return why it may not be, or None.

        The customer is one that ``load`` has found.
        """
        return self._counter.take(customer_id, minor, authentication, _limits(_day(now_ns)))

    def take_all(self, payments: Sequence[NewPayment], now_ns: int) -> list[NewPayment]:
        """Count payments until they are ``decided_all``; return those that may be, the others have failed.

        The payers are those that ``load_payers`` has found.
        """
        return [payments[place] for place in self._counter.take_all(payments, _limits(_day(now_ns)))]

    def decided(self, customer_id: int, minor: int, status: PaymentStatus) -> None:
        """Note what became of a counted payment; what did not come about is not counted any more."""
        # One that is as it was made was not decided, or nobody knows: what the database says then counts.
        self._counter.decided(customer_id, minor, None if status is PaymentStatus.CREATED else status in _PAID)

    def decided_all(self, payments: Sequence[NewPayment], *, recorded: bool | None) -> None:
        """Note what became of counted payments: what they say where they were recorded, else nothing.

        With None nobody knows, and what the database says counts from then on.
        """
        self._counter.decided_all(payments, recorded)

    def forget(self, customer_id: int) -> None:
        """Read anew what a customer used, and its account class: something of it changed otherwise."""
        self._counter.forget(customer_id)


@lru_cache(maxsize=4)
def _in_force(day: int) -> tuple[_Daily, _AccountClass]:
    """Return the rules of a business day."""
    text = Path(__file__).with_name("limits.toml").read_text(encoding="utf-8")
    rules = msgspec.convert(tomllib.loads(text), _Rules)
    at = date(1970, 1, 1) + timedelta(days=day)

    def latest(entries: Sequence[_Daily] | Sequence[_AccountClass]) -> _Daily | _AccountClass:
        return max((entry for entry in entries if entry.effective_from <= at), key=lambda entry: entry.effective_from)

    daily, account_class = latest(rules.daily), latest(rules.account_class)
    assert isinstance(daily, _Daily)
    assert isinstance(account_class, _AccountClass)
    return daily, account_class


@lru_cache(maxsize=4)
def _limits(day: int) -> tuple[int, int, int, int, tuple[int, int, int]]:
    """Return the rules of a business day as the core takes them."""
    daily, classes = _in_force(day)
    account_class = (classes.class_1_lifetime, classes.class_2_year, classes.class_3_year)
    return day, _year(day), daily.two_factors, daily.fewer, account_class


def _day(now_ns: int) -> int:
    """Return the business day as days since 1970."""
    return (now_ns + 8 * 3600 * 10**9) // _DAY_NS


def _day_begins(day: int) -> int:
    return day * _DAY_NS - 8 * 3600 * 10**9


@lru_cache(maxsize=4)
def _year(day: int) -> int:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).year


def _uuids(ids: Iterable[int]) -> list[UUID]:
    return [UUID(int=id) for id in ids]

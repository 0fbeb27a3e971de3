"""What a customer may pay from stored value: limits of law, as dated data (``limits.toml``), kept in one process.

The one writer's process counts: what was used before it started is read from the payments, once for each customer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from pycore.payments.payment import PaymentStatus
from pycore.store import Store, unavailable_raised

CURRENCY: Final = "CNY"
"""The limits are in yuan; other currencies have none."""

_ZONE: Final = timezone(timedelta(hours=8))
"""The business day's (Asia/Shanghai, which has no summer time)."""

_PAID: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED})
_CUSTOMERS_MAX: Final = 1 << 20
_DAY_NS: Final = 86_400 * 10**9
_USED: Final = """
SELECT customers.id, customers.account_class,
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

    def most(self, authentication: Authentication) -> int | None:
        if authentication is Authentication.CERTIFICATE:
            return None
        return self.two_factors if authentication is Authentication.TWO_FACTORS else self.fewer


class _AccountClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    effective_from: date
    source: str
    verified: bool
    class_1_lifetime: int
    class_2_year: int
    class_3_year: int

    def most(self, account_class: int) -> int:
        return (self.class_1_lifetime, self.class_2_year, self.class_3_year)[account_class - 1]


class _Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    daily: tuple[_Daily, ...]
    account_class: tuple[_AccountClass, ...]


class Usage:
    """What one customer has used: today, and in the time its account class counts."""

    __slots__ = ("account_class", "counted", "day", "today", "under_way", "year")

    def __init__(self, account_class: int, day: int, today: int, counted: int) -> None:
        self.account_class = account_class
        self.day = day
        self.year = _year(day)
        self.today = today
        self.counted = counted
        self.under_way = 0
        """Payments that are counted here and not durable yet."""

    def turn(self, day: int) -> None:
        """Begin a new day, and year, where one has come."""
        if day > self.day:
            self.day, self.today = day, 0
            if _year(day) > self.year:
                self.year = _year(day)
                self.counted = self.counted if self.account_class == 1 else 0


class BalanceLimits:
    """Counts what customers pay from their balances, and says when it is enough."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usage: dict[int, Usage] = {}

    async def load(self, customer_ids: Iterable[int], now_ns: int) -> None:
        """Read what these customers used before, where that is not known yet. Raises LedgerUnavailableError."""
        wanted = dict.fromkeys(customer_ids)
        # While some are read, others may be forgotten.
        while missing := [id for id in wanted if id not in self._usage]:
            if not await self._read(missing, _day(now_ns)):
                return

    async def _read(self, missing: list[int], day: int) -> int:
        """Read what the missing used; return how many of them there are."""
        year_begins = int(datetime(_year(day), 1, 1, tzinfo=_ZONE).timestamp() * 1000) << 80
        with unavailable_raised():
            rows = await self._store.pool.fetch(
                _USED, _uuids(missing), _day_begins(day), UUID(int=year_begins), UUID(int=0)
            )
        self._make_room()
        for row in rows:
            # Another payment of this customer may have come first, and counted since.
            self._usage.setdefault(row[0].int, Usage(row[1], day, row[2], row[3]))
        return len(rows)

    def take(self, customer_id: int, minor: int, authentication: Authentication, now_ns: int) -> str | None:
        """Count a payment until it is ``decided``; return why it may not be, or None.

        The customer is one that ``load`` has found.
        """
        day = _day(now_ns)
        usage = self._usage[customer_id]
        usage.turn(day)
        daily, account_class = _in_force(day)
        most = daily.most(authentication)
        if most is not None and usage.today + minor > most:
            return "daily_limit_exceeded"
        if usage.counted + minor > account_class.most(usage.account_class):
            return "account_class_limit_exceeded"
        usage.today += minor
        usage.counted += minor
        usage.under_way += 1
        return None

    def decided(self, customer_id: int, minor: int, status: PaymentStatus) -> None:
        """Note what became of a counted payment; what did not come about is not counted any more."""
        usage = self._usage[customer_id]
        usage.under_way -= 1
        if status in _PAID:
            return
        usage.today -= minor
        usage.counted -= minor
        if status is PaymentStatus.CREATED:
            # It was not decided, or nobody knows: what the database says then counts.
            self.forget(customer_id)

    def forget(self, customer_id: int) -> None:
        """Read anew what a customer used, and its account class: something of it changed otherwise."""
        usage = self._usage.get(customer_id)
        if usage is not None and not usage.under_way:
            del self._usage[customer_id]

    def _make_room(self) -> None:
        if len(self._usage) > _CUSTOMERS_MAX:
            self._usage = {id: usage for id, usage in self._usage.items() if usage.under_way}


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

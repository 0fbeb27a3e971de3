"""Merchants: whose payments are taken."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from time import time_ns
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from pycore.errors import InvalidRequestError, NotFoundError
from pycore.ids import new_id
from pycore.merchants.allowance import Allowance
from pycore.merchants.page import Page, checked_limit
from pycore.merchants.text import checked_name
from pycore.store import Pool, changing, unavailable_raised

MERCHANT_PREFIX: Final = "mer"
DEFAULT_ALLOWANCE: Final = Allowance(requests_per_second=2000, requests_burst=4000)
"""What a merchant may send where nothing else is said, in each mode; its keys share it."""

LABELS_MAX: Final = 32

_LABEL: Final = re.compile(r"[0-9A-Za-z_]{1,32}", re.ASCII)
_COLUMNS: Final = "id, name, status, labels, requests_per_second, requests_burst, created_at, version"


class MerchantStatus(StrEnum):
    """Whether a merchant's keys work."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Merchant(msgspec.Struct, frozen=True):
    """A merchant.

    Attributes:
        id: its id; ``mer_…`` outside.
        name: for people.
        status: a disabled merchant's keys are refused; payments under way go on to their end.
        labels: what routing rules can say ``label is`` of.
        allowance: what all its keys together may send, in each mode.
        created_at: nanoseconds since 1970.
        version: grows with each change.
    """

    id: int
    name: str
    status: MerchantStatus
    labels: Sequence[str]
    allowance: Allowance
    created_at: int
    version: int


class MerchantChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a merchant; what is not set stays."""

    name: str | UnsetType = UNSET
    status: MerchantStatus | UnsetType = UNSET
    labels: Sequence[str] | UnsetType = UNSET
    allowance: Allowance | UnsetType = UNSET


class Merchants:
    """The merchants of the platform, in its database."""

    def __init__(self, pool: Pool, changed: Callable[[], None] = lambda: None) -> None:
        """``changed`` is called after each change that concerns keys."""
        self._pool = pool
        self._changed = changed

    async def create(self, name: str, allowance: Allowance = DEFAULT_ALLOWANCE) -> Merchant:
        """Return a new merchant, active. Raises InvalidRequestError, LedgerUnavailableError, OutcomeUnknownError."""
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                "INSERT INTO merchants (id, name, status, requests_per_second, requests_burst, created_at)"
                f" VALUES ($1, $2, 'active', $3, $4, $5) RETURNING {_COLUMNS}",
                UUID(int=new_id()),
                checked_name(name, "name"),
                *allowance.checked(),
                time_ns(),
            )
        return _found(row)

    async def get(self, merchant_id: int) -> Merchant:
        """Return a merchant. Raises NotFoundError, LedgerUnavailableError."""
        with unavailable_raised():
            row = await self._pool.fetchrow(f"SELECT {_COLUMNS} FROM merchants WHERE id = $1", UUID(int=merchant_id))
        return _found(row)

    async def list(self, limit: int = 20, starting_after: int | None = None) -> Page[Merchant]:
        """Return merchants, newest first.

        Raises InvalidRequestError, LedgerUnavailableError, and NotFoundError where there is no ``starting_after``.
        """
        if starting_after is not None:
            await self.get(starting_after)
        with unavailable_raised():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM merchants WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
                None if starting_after is None else UUID(int=starting_after),
                checked_limit(limit) + 1,
            )
        return Page([_merchant(row) for row in rows[:limit]], len(rows) > limit)

    async def update(self, merchant_id: int, changes: MerchantChanges) -> Merchant:
        """Return the merchant, changed.

        Raises InvalidRequestError, NotFoundError, LedgerUnavailableError, OutcomeUnknownError.
        """
        per_second, burst = (None, None) if changes.allowance is UNSET else changes.allowance.checked()
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                "UPDATE merchants SET name = coalesce($2, name), status = coalesce($3, status),"
                " requests_per_second = coalesce($4, requests_per_second),"
                " requests_burst = coalesce($5, requests_burst), labels = coalesce($6, labels), version = version + 1"
                f" WHERE id = $1 RETURNING {_COLUMNS}",
                UUID(int=merchant_id),
                None if changes.name is UNSET else checked_name(changes.name, "name"),
                None if changes.status is UNSET else changes.status.value,
                per_second,
                burst,
                None if changes.labels is UNSET else checked_labels(changes.labels),
            )
        self._changed()
        return _found(row)


def checked_labels(labels: Sequence[str]) -> list[str]:
    """Return labels, each once. Raises InvalidRequestError."""
    if len(labels) > LABELS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidRequestError(
            f"labels: must be at most {LABELS_MAX} words of 1 to 32 ASCII letters, digits and _, as in new_merchant;"
            " nothing was recorded"
        )
    return sorted(set(labels))


def _found(row: Any) -> Merchant:
    if row is None:
        raise NotFoundError("there is no such merchant")
    return _merchant(row)


def _merchant(row: Any) -> Merchant:
    return Merchant(
        id=row["id"].int,
        name=row["name"],
        status=MerchantStatus(row["status"]),
        labels=row["labels"],
        allowance=Allowance(row["requests_per_second"], row["requests_burst"]),
        created_at=row["created_at"],
        version=row["version"],
    )

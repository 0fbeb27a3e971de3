"""What nobody does alone: one person asks, another decides, and it is done once or never."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from pycore.errors import InvalidStateError, NotFoundError, PermissionDeniedError
from pycore.merchants.page import Page, checked_limit
from pycore.store import Store, unavailable_raised

_GET: Final = "SELECT * FROM approvals WHERE id = $1 AND kind = $2"
_BY_REFERENCE: Final = "SELECT * FROM approvals WHERE kind = $1 AND reference = $2"
# An id begins with the time it was made, so ids are also the order of time.
_LIST: Final = "SELECT * FROM approvals WHERE kind = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"


class ApprovalKind(StrEnum):
    """What is asked for."""

    POSTING = "posting"


class ApprovalState(StrEnum):
    """What became of it."""

    ASKED = "asked"
    """Nothing was done yet; another person decides."""
    APPROVED = "approved"
    """Another person approved it, and it was done at that moment."""
    REFUSED = "refused"
    """Another person refused it; nothing was done."""
    WITHDRAWN = "withdrawn"
    """Who asked took it back; nothing was done."""
    EXPIRED = "expired"
    """Nobody decided in time; nothing was done, and nothing will be."""


class Person(NamedTuple):
    """An operator: the key, and its name, which says whose it is."""

    key_id: int
    name: str

    def is_same(self, other: Person) -> bool:
        """Return whether both may be one person: a key of the same name is that person's second or rolled key."""
        return self.key_id == other.key_id or self.name.casefold() == other.name.casefold()


class Approval(Struct, frozen=True, kw_only=True):
    """One row of ``approvals``. Times are nanoseconds since 1970; ``payload`` is what shall be done, as JSON."""

    id: int
    kind: ApprovalKind
    reference: str
    payload: bytes
    asked_by: Person
    asked_at: int
    expires_at: int
    state: ApprovalState = ApprovalState.ASKED
    decided_by: Person | None = None
    decided_at: int | None = None
    note: str | None = None
    version: int = 1

    def state_at(self, now_ns: int) -> ApprovalState:
        """Return its state: what was not decided in time is expired, without anybody writing so."""
        is_late = self.state is ApprovalState.ASKED and now_ns >= self.expires_at
        return ApprovalState.EXPIRED if is_late else self.state

    def decided(self, state: ApprovalState, by: Person, now_ns: int, note: str | None = None) -> Approval:
        """Return it as it is after a decision; the same decision of the same person changes nothing.

        Raises:
            PermissionDeniedError: ``by`` asked for it and would approve or refuse it, or did not and would withdraw it.
            InvalidStateError: something else was decided, or its time is over.
        """
        is_asker = by.is_same(self.asked_by)
        if is_asker is not (state is ApprovalState.WITHDRAWN):
            raise PermissionDeniedError(
                "who asked for it must not decide it, also not with another key of the same name; nothing was"
                " recorded: let another person decide, or withdraw it"
                if is_asker
                else "only who asked for it may withdraw it; nothing was recorded: refuse it instead"
            )
        current = self.state_at(now_ns)
        if current is state and self.decided_by == by:
            return self
        if current is not ApprovalState.ASKED:
            raise InvalidStateError(f"it is {current} already; nothing was recorded: look at it, or ask anew")
        return msgspec.structs.replace(
            self, state=state, decided_by=by, decided_at=now_ns, note=note, version=self.version + 1
        )

    def inserted(self) -> tuple[Any, ...]:
        """Return its values in the order of ``tables.APPROVALS``."""
        decider = self.decided_by
        return (
            self.id,
            self.kind,
            self.reference,
            self.payload,
            self.asked_by.key_id,
            self.asked_by.name,
            self.asked_at,
            self.expires_at,
            self.state,
            None if decider is None else decider.key_id,
            None if decider is None else decider.name,
            self.decided_at,
            self.note,
            self.version,
        )


class Approvals:
    """Reads what was asked for, of one kind. All raise LedgerUnavailableError where the database is away."""

    def __init__(self, store: Store, kind: ApprovalKind) -> None:
        self._store = store
        self._kind = kind

    async def get(self, approval_id: int) -> Approval:
        """Return one. Raises NotFoundError."""
        with unavailable_raised():
            row = await self._store.pool.fetchrow(_GET, UUID(int=approval_id), self._kind)
        if row is None:
            raise NotFoundError(f"there is no such {self._kind}")
        return _approval(row)

    async def by_reference(self, reference: str) -> Approval | None:
        """Return the one with this reference, None where there is none."""
        with unavailable_raised():
            row = await self._store.pool.fetchrow(_BY_REFERENCE, self._kind, reference)
        return None if row is None else _approval(row)

    async def list(self, limit: int = 20, starting_after: int | None = None) -> Page[Approval]:
        """Return them, newest first. Raises InvalidRequestError, and NotFoundError without that ``starting_after``."""
        after = None if starting_after is None else UUID(int=(await self.get(starting_after)).id)
        with unavailable_raised():
            rows = await self._store.pool.fetch(_LIST, self._kind, after, checked_limit(limit) + 1)
        return Page([_approval(row) for row in rows[:limit]], len(rows) > limit)


def _approval(row: asyncpg.Record) -> Approval:
    is_decided = row["decided_by"] is not None
    return Approval(
        id=row["id"].int,
        kind=ApprovalKind(row["kind"]),
        reference=row["reference"],
        payload=row["payload"].encode(),
        asked_by=Person(row["asked_by"].int, row["asked_by_name"]),
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        state=ApprovalState(row["state"]),
        decided_by=Person(row["decided_by"].int, row["decided_by_name"]) if is_decided else None,
        decided_at=row["decided_at"],
        note=row["note"],
        version=row["version"],
    )

"""What the channels remember, in one SQLite file: it is the other party's memory, and a restart loses nothing.

One process, one connection, one thread: what happens between two awaits is not interrupted. Write-ahead logging keeps
everything that was committed when the process is killed; a machine that loses power may lose the last moment.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from api.sandbox.core.order import Notice, Order, Refund, Task

Record = TypeVar("Record", Order, Refund, Notice, Task)

_TABLES: dict[type[Any], str] = {Order: "orders", Refund: "refunds", Notice: "notices", Task: "tasks"}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, protocol TEXT NOT NULL, merchant TEXT NOT NULL, reference TEXT NOT NULL,
    method TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, description TEXT NOT NULL,
    attach TEXT NOT NULL, notify_url TEXT NOT NULL, payer TEXT NOT NULL,
    is_merchant_scan INTEGER NOT NULL, details TEXT NOT NULL, number TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL UNIQUE, state TEXT NOT NULL, told_amount INTEGER NOT NULL,
    fee INTEGER NOT NULL, refunded INTEGER NOT NULL, refusals INTEGER NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, scanned_at INTEGER NOT NULL, paid_at INTEGER NOT NULL, closed_at INTEGER NOT NULL,
    UNIQUE (protocol, merchant, reference), CHECK (refunded BETWEEN 0 AND amount));
CREATE INDEX IF NOT EXISTS orders_paid ON orders (paid_at) WHERE paid_at > 0;
CREATE TABLE IF NOT EXISTS refunds (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, protocol TEXT NOT NULL, scope TEXT NOT NULL,
    reference TEXT NOT NULL, number TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, fee INTEGER NOT NULL,
    reason TEXT NOT NULL, notify_url TEXT NOT NULL, state TEXT NOT NULL, created_at INTEGER NOT NULL,
    done_at INTEGER NOT NULL, UNIQUE (protocol, scope, reference));
CREATE INDEX IF NOT EXISTS refunds_order ON refunds (order_id);
CREATE INDEX IF NOT EXISTS refunds_done ON refunds (done_at) WHERE done_at > 0;
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY, protocol TEXT NOT NULL, order_id INTEGER NOT NULL REFERENCES orders,
    refund_id INTEGER NOT NULL, url TEXT NOT NULL, number TEXT NOT NULL, created_at INTEGER NOT NULL,
    is_forged INTEGER NOT NULL, tries INTEGER NOT NULL, delivered_at INTEGER NOT NULL, last_answer TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS notices_order ON notices (order_id);
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due_at INTEGER NOT NULL, kind TEXT NOT NULL, target INTEGER NOT NULL,
    tries INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (due_at, id);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """The file. Every change outside :meth:`transaction` is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one change; an inner one is part of the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_id(self, kind: type[Record]) -> int:
        """Return the id the next record gets. Tasks give theirs back when they are done, the others never do."""
        row = self._connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {_TABLES[kind]}").fetchone()
        return int(row[0])

    def put(self, record: Order | Refund | Notice | Task) -> None:
        """Add a record, or write its new contents. Raises sqlite3.IntegrityError for a number that is taken."""
        values = _columns(record)
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        changes = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
        self._connection.execute(
            f"INSERT INTO {_TABLES[type(record)]} ({names}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}",
            tuple(values.values()),
        )

    def get(self, kind: type[Record], id: int) -> Record | None:
        """Return the record with this id."""
        return self.find(kind, id=id)

    def find(self, kind: type[Record], **values: int | str) -> Record | None:
        """Return the record whose columns have these values, or None; they name at most one."""
        found = self.select(kind, " AND ".join(f"{name} = ?" for name in values), *values.values())
        return found[0] if found else None

    def select(self, kind: type[Record], where: str, *values: int | str, limit: int = -1) -> list[Record]:
        """Return the records for which the condition holds, in its order. The condition is ours, the values are not."""
        rows = self._connection.execute(f"SELECT * FROM {_TABLES[kind]} WHERE {where} LIMIT ?", (*values, limit))
        return [_record(kind, row) for row in rows]

    def add_task(self, due_at: int, kind: str, target: int, tries: int = 0) -> None:
        """Put something on the agenda."""
        self._connection.execute(
            "INSERT INTO tasks (due_at, kind, target, tries) VALUES (?, ?, ?, ?)", (due_at, kind, target, tries)
        )

    def drop_task(self, id: int) -> None:
        """Take something off the agenda."""
        self._connection.execute("DELETE FROM tasks WHERE id = ?", (id,))

    def bring_forward(self, by_ms: int) -> None:
        """Let everything that is still to come, come so much earlier: the clock was set back."""
        self._connection.execute("UPDATE tasks SET due_at = due_at - ?", (by_ms,))
        self._connection.execute(
            "UPDATE orders SET expires_at = expires_at - ? WHERE expires_at > 0 AND state = 'open'", (by_ms,)
        )

    def next_due(self) -> int | None:
        """Return when the next task is due."""
        row = self._connection.execute("SELECT min(due_at) FROM tasks").fetchone()
        return None if row[0] is None else int(row[0])

    def paid_before(self, protocol: str, at_ms: int) -> tuple[int, int]:
        """Return the sums of amounts and fees of the payments before a moment."""
        return self._sums(
            "SELECT coalesce(sum(amount), 0), coalesce(sum(fee), 0) FROM orders "
            "WHERE protocol = ? AND paid_at > 0 AND paid_at < ?",
            (protocol, at_ms),
        )

    def refunded_before(self, protocol: str, at_ms: int) -> tuple[int, int]:
        """Return the sums of amounts and fees of the refunds before a moment."""
        return self._sums(
            "SELECT coalesce(sum(amount), 0), coalesce(sum(fee), 0) FROM refunds "
            "WHERE protocol = ? AND done_at > 0 AND done_at < ?",
            (protocol, at_ms),
        )

    def setting(self, name: str) -> str | None:
        """Return a setting's text."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, name: str, value: str) -> None:
        """Write a setting's text."""
        self._connection.execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def _sums(self, query: str, values: Sequence[int | str]) -> tuple[int, int]:
        row = self._connection.execute(query, values).fetchone()
        return int(row[0]), int(row[1])


def _columns(record: Order | Refund | Notice | Task) -> dict[str, Any]:
    values = msgspec.structs.asdict(record)
    if isinstance(record, Order):
        values["details"] = msgspec.json.encode(record.details).decode()
    return values


def _record(kind: type[Record], row: sqlite3.Row) -> Record:
    values = dict(row)
    if kind is Order:
        values["details"] = msgspec.json.decode(values["details"])
    return msgspec.convert(values, kind, strict=False)

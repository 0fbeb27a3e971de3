"""One caller's request on its way into a batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pycore.ledger.rows import RowsOf

if TYPE_CHECKING:
    from typing_extensions import Buffer

RESULT_SIZE = 16


class Unit:
    """Events for the engine (``count`` of them, possibly none), rows, or both; ``size`` is the room it takes."""

    __slots__ = ("count", "deadline", "future", "operation", "records", "rows_of", "size")

    def __init__(
        self,
        operation: int,
        records: Buffer,
        count: int,
        size: int,
        future: asyncio.Future[bytes],
        deadline: float | None,
        rows_of: RowsOf | None,
    ) -> None:
        self.operation = operation
        self.records = records
        self.count = count
        self.size = size
        self.future = future
        self.deadline = deadline
        self.rows_of = rows_of

    def fail(self, error: Exception) -> None:
        """Tell the caller, if it still listens."""
        if not self.future.done():
            self.future.set_exception(error)


def answer(units: list[Unit], results: bytes) -> None:
    """Give each caller its part of the batch's results."""
    if len(units) == 1:
        if not units[0].future.done():
            units[0].future.set_result(results)
        return
    start = 0
    for unit in units:
        end = start + unit.count * RESULT_SIZE
        if not unit.future.done():
            unit.future.set_result(results[start:end])
        start = end

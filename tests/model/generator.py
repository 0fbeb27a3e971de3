"""Makes random batches that are biased to trouble: integer edges, every flag, every result code, ids used again.

It reads the reference ledger to know where trouble is: open holds, balances, the last timestamps. Everything it does
follows from the ``Random`` it is given, so a seed repeats a run exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.model.account_events import AccountEvents
from tests.model.ledger import ReferenceLedger
from tests.model.records import CREATE_ACCOUNTS, CREATE_TRANSFERS, Account, Transfer, Unit
from tests.model.transfer_events import TransferEvents

SECOND = 1_000_000_000
BATCH_EVENTS_MAX = 8190
FLOOD_HOLDS = 11_000
"""More holds than one batch may expire."""

Batch = tuple[list[Unit], int]


class BatchGenerator:
    """One ledger's life as a sequence of batches, each with the clock it is applied at."""

    def __init__(self, random: Random, reference: ReferenceLedger, start: int) -> None:
        self._random = random
        self._reference = reference
        self._now = start
        self._accounts = AccountEvents(random, reference)
        self._transfers = TransferEvents(random, reference)
        self._scene: list[Callable[[], Batch]] = []
        self._play(lambda: ([(CREATE_ACCOUNTS, self._accounts.first())], self._now))

    @property
    def transfer_events(self) -> TransferEvents:
        """Where the transfers come from; it can tell which flags were tried together."""
        return self._transfers

    def next_batch(self) -> Batch:
        """Return the next batch's requests and its clock."""
        if not self._scene:
            chance = self._random.random()
            if chance < 0.06:
                self._play(self._imported_accounts, self._imported_transfers)
            elif chance < 0.12:
                self._play(self._accounts_after_a_pause, self._imported_transfers)
            elif chance < 0.20:
                self._play(self._at_the_tick)
            else:
                self._play(self._mixed)
        return self._scene.pop(0)()

    def flood(self) -> None:
        """Make the next batches open more holds than one batch may expire, then let them all come due."""
        self._scene += [self._short_holds, self._short_holds, self._after_the_flood, self._nothing]

    def _play(self, *batches: Callable[[], Batch]) -> None:
        self._scene = [*batches, *self._scene]

    def _mixed(self) -> Batch:
        self._move_clock()
        units: list[Unit] = []
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 5, 8))):
            if self._random.random() < 0.15:
                units.append((CREATE_ACCOUNTS, self._account_unit()))
            else:
                units.append((CREATE_TRANSFERS, self._transfer_unit()))
        if sum(len(events) for _, events in units) > BATCH_EVENTS_MAX:
            units = [max(units, key=lambda unit: len(unit[1]))]
        return units, self._now

    def _account_unit(self) -> list[Account]:
        return [self._accounts.event() for _ in range(self._random.choice((1, 1, 2, 5)))]

    def _transfer_unit(self) -> list[Transfer]:
        size = self._random.choice((1, 1, 2, 4, 10, 30, 90))
        if self._random.random() < 0.001:
            size = self._random.choice((2_000, BATCH_EVENTS_MAX))
        return [self._transfers.event(self._now) for _ in range(size)]

    def _imported_accounts(self) -> Batch:
        self._now = max(self._now, self._reference.last_timestamp) + self._random.choice((1_000, SECOND))
        count = self._random.choice((1, 2, 4))
        times = sorted(self._account_time() for _ in range(count))
        return [(CREATE_ACCOUNTS, [self._accounts.imported(time, self._now) for time in times])], self._now

    def _accounts_after_a_pause(self) -> Batch:
        """Open accounts later than the last transfer, so that a transfer can be imported from before they were."""
        self._now = max(self._now, self._reference.last_timestamp) + SECOND
        return [(CREATE_ACCOUNTS, self._accounts.first())], self._now

    def _imported_transfers(self) -> Batch:
        self._now = max(self._now, self._reference.last_timestamp) + self._random.choice((1, 1_000, SECOND, 9 * SECOND))
        first, last = self._free_time()
        size = self._random.choice((1, 2, 5, 20, 40))
        times = sorted(self._random.randint(first, last) for _ in range(size))
        events = [self._transfers.imported(time, self._now) for time in times]
        units: list[Unit] = [(CREATE_TRANSFERS, events)]
        if self._random.random() < 0.3:
            units.append((CREATE_ACCOUNTS, self._account_unit()))
            units.append((CREATE_TRANSFERS, [self._transfers.event(self._now)]))
        return units, self._now

    def _account_time(self) -> int:
        """Return a moment for an imported account: after the last one, behind transfers, or at one of them."""
        first, last = self._free_time()
        chance = self._random.random()
        if chance < 0.4:
            return self._random.randint(first, last)
        opened = self._reference.tables.clock["account"]
        if chance < 0.7:
            return self._random.randint(opened + 1, max(opened + 1, last))
        moments = [moment for moment in self._reference.tables.transfer_timestamps if chance < 0.75 or moment > opened]
        return self._random.choice(moments or [first]) + self._random.choice((0, 0, 0, 1))

    def _free_time(self) -> tuple[int, int]:
        """Return the nanoseconds after the last transfer and before now, between which imported events may lie."""
        first = self._reference.tables.clock["transfer"] + 1
        return first, max(first, self._now - 1)

    def _short_holds(self) -> Batch:
        self._now += 1
        holds = [self._transfers.short_hold(self._now) for _ in range(FLOOD_HOLDS // 2)]
        return [(CREATE_TRANSFERS, holds)], self._now

    def _after_the_flood(self) -> Batch:
        self._now = max(self._now, self._reference.last_timestamp) + 5 * SECOND
        return [(CREATE_TRANSFERS, self._transfer_unit())], self._now

    def _nothing(self) -> Batch:
        return [], self._now

    def _at_the_tick(self) -> Batch:
        """Post or void a hold in the very nanosecond it ends, or one before or after."""
        open_holds = self._reference.tables.open_holds
        due = [hold_id for hold_id, expires_at in open_holds.items() if expires_at > self._reference.last_timestamp]
        if not due:
            return self._mixed()
        hold = self._reference.tables.transfers[self._random.choice(due)]
        before = self._random.randint(0, 3)
        self._now = max(self._now, open_holds[hold.id] - before)
        events = [self._transfers.event(self._now) for _ in range(before + self._random.randint(-1, 1))]
        return [(CREATE_TRANSFERS, [*events, self._transfers.ending(hold, self._now)])], self._now

    def _move_clock(self) -> None:
        """Mostly forward, now and then back, and now and then to just about when a hold is due."""
        chance = self._random.random()
        due = [expires_at for expires_at in self._reference.tables.open_holds.values() if expires_at]
        if chance < 0.10 and due:
            self._now = max(self._now, self._random.choice(due) + self._random.randint(-4, 2))
        elif chance < 0.15:
            self._now = max(1, self._now - self._random.choice((1, SECOND, 3600 * SECOND)))
        else:
            self._now += self._random.choice((0, 1, 1_000, 1_000_000, SECOND // 3, SECOND, 4 * SECOND))

"""One ledger's life played by the reference and by the engine in step; the first difference ends it.

Between batches the engine is put through everything a real one lives through: batches that never became durable,
projection, sealed chunks that leave memory, and a restart from the tables and the journal.
"""

from __future__ import annotations

from random import Random

from pycore import _core
from pycore.ledger.account_filter import AccountFilter
from tests.model.ledger import ReferenceLedger
from tests.model.queries import account_balances, account_transfers
from tests.model.records import (
    HISTORY,
    RECORD_SIZE,
    Account,
    AccountBalance,
    Result,
    Transfer,
    Unit,
    pack_record,
    pack_results,
    pack_units,
    unpack_balances,
    unpack_results,
    unpack_transfer,
)
from tests.model.tables import HoldOutcome
from tests.simulation.binary_copy import Row, integer, numeric
from tests.simulation.memory_store import MemoryStore

CHUNK_SIZES = (64, 256, 2048, 1 << 20)


class Difference(Exception):  # noqa: N818 - it is a finding, not an error of ours
    """The engine and the reference disagree; the message tells about what."""


class Lockstep:
    """A reference and an engine that must agree after every batch."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.reference = ReferenceLedger()
        self._chunk_size = random.choice(CHUNK_SIZES)
        self._engine = _core.Engine(chunk_size=self._chunk_size)
        self._store = MemoryStore()
        self._balances_from = 0
        """From when on the engine has balances in memory; those of loaded transfers are in the tables only."""
        self.rollbacks = self.restarts = self.evictions = self.cold_records = 0

    def play(self, units: list[Unit], now: int) -> list[Result]:
        """Apply one batch to both. Return its results. Raises Difference."""
        packed = pack_units(units)
        if self._random.random() < 0.1:
            self._apply_and_take_back(units, packed, now)
            if self._random.random() < 0.5:
                return []
        results, batch = self._apply(units, packed, now)
        self.reference.commit()
        self._engine.commit()
        self._store.append(batch)
        self._compare_state()
        if self._random.random() < 0.15:
            self._project()
            self._evict()
        if self._random.random() < 0.02:
            self._restart()
        return results

    def finish(self) -> None:
        """Compare everything there is, record by record. Raises Difference."""
        self._compare_invariants()
        self._project()
        self._compare_transfers()
        self._compare_tables()
        self._compare_queries()
        self._restart()
        self._compare_transfers()
        self._replay_everything()

    # -- one batch

    def _apply(self, units: list[Unit], packed: list[tuple[int, bytes]], now: int) -> tuple[list[Result], _core.Batch]:
        cold = self._store.cold_records(self._engine.cold_ids(packed))
        cold += self._store.cold_moments(self._engine.cold_moments(packed))
        self.cold_records += len(cold)
        expected = self.reference.apply(units, now)
        batch = self._engine.apply(packed, now, cold)
        if batch.results != pack_results(expected):
            self._explain_results(units, expected, unpack_results(units, batch.results))
        _same("expired holds", batch.expired, self.reference.expired)
        return expected, batch

    def _explain_results(self, units: list[Unit], expected: list[Result], found: list[Result]) -> None:
        events = [event for _, events in units for event in events]
        for event, wanted, got in zip(events, expected, found, strict=True):
            if wanted != got:
                raise Difference(f"{event}\n  reference {wanted}\n  engine    {got}")

    def _apply_and_take_back(self, units: list[Unit], packed: list[tuple[int, bytes]], now: int) -> None:
        """A batch that never became durable: nobody may see it, and nothing of it may stay."""
        self.rollbacks += 1
        before = self._engine.state_hash()
        accounts = self._expected_accounts()
        _, first = self._apply(units, packed, now)
        self.reference.rollback()
        _same("accounts seen while a batch is in flight", self._found_accounts(), accounts)
        self._engine.rollback()
        _same("state after rollback", self._engine.state_hash().hex(), before.hex())
        self._compare_state()
        _, again = self._apply(units, packed, now)
        _same("results of the batch applied again", again.results_digest.hex(), first.results_digest.hex())
        _same("body of the batch applied again", again.body, first.body)
        self.reference.rollback()
        self._engine.rollback()

    # -- what a real engine lives through

    def _project(self) -> None:
        projection = self._engine.take_projection()
        if projection is not None:
            self._store.project(self._engine, projection, len(self._store.journal))

    def _evict(self) -> None:
        first = self._engine.window_first_sequence
        while self._store.position.sequence_next - first >= 2 * self._chunk_size:
            chunk = first // self._chunk_size
            self._compare_chunk(chunk)
            self._engine.evict_chunk(chunk)
            self._store.sealed_chunks += 1
            self.evictions += 1
            first = self._engine.window_first_sequence
            _same("first sequence of the window", first, (chunk + 1) * self._chunk_size)

    def _restart(self) -> None:
        """Throw the engine away and build it again from what is durable."""
        self.restarts += 1
        before = self._engine.state_hash()
        self._engine = self._store.recovered(self._chunk_size)
        self._balances_from = self._store.position.last_timestamp + 1
        _same("state after a restart", self._engine.state_hash().hex(), before.hex())
        self._compare_invariants()
        self._compare_state()

    def _replay_everything(self) -> None:
        """Build the ledger from the journal alone, without the tables, as `pycore rebuild` does."""
        engine = _core.Engine(chunk_size=self._chunk_size)
        for row in self._store.journal:
            engine.replay(row.body, row.results_digest)
        _same("state after a replay of the whole journal", engine.state_hash().hex(), self._engine.state_hash().hex())

    # -- comparing

    def _expected_accounts(self) -> bytes:
        return b"".join(map(pack_record, self.reference.tables.accounts.values()))

    def _found_accounts(self) -> bytes:
        return self._engine.lookup_accounts(list(self.reference.tables.accounts))

    def _compare_state(self) -> None:
        tables, engine = self.reference.tables, self._engine
        _same("number of accounts", engine.accounts_count, len(tables.accounts))
        expected, found = self._expected_accounts(), self._found_accounts()
        if expected != found:
            for position in range(0, max(len(expected), len(found)), RECORD_SIZE):
                record = slice(position, position + RECORD_SIZE)
                _same(f"account at {position // RECORD_SIZE}", found[record].hex(), expected[record].hex())
        _same("last timestamp", engine.last_timestamp, self.reference.last_timestamp)
        _same("number of transfers", engine.sequence_next, len(tables.transfers))
        _same("number of open holds", engine.open_holds_count, len(tables.open_holds))
        next_expiry = min((expires_at for expires_at in tables.open_holds.values() if expires_at), default=None)
        _same("next expiry", engine.next_expiry, next_expiry)

    def _compare_invariants(self) -> None:
        try:
            self._engine.check_invariants()
        except ValueError as error:
            raise Difference(f"broken invariant: {error}") from error
        totals: dict[int, list[int]] = {}
        for account in self.reference.tables.accounts.values():
            row = totals.setdefault(account.ledger, [0, 0, 0, 0, 0])
            for index, number in enumerate((1, *account[1:5])):
                row[index] += number
        _same("trial balance", self._engine.trial_balance(), [(ledger, *totals[ledger]) for ledger in sorted(totals)])

    def _compare_chunk(self, chunk: int) -> None:
        summary = self._engine.seal_chunk(chunk)
        in_order = sorted(self.reference.tables.transfers.values(), key=lambda transfer: transfer.timestamp)
        transfers = in_order[chunk * self._chunk_size : (chunk + 1) * self._chunk_size]
        _same("first timestamp of the chunk", summary.first_timestamp, transfers[0].timestamp)
        _same("last timestamp of the chunk", summary.last_timestamp, transfers[-1].timestamp)

    def _compare_transfers(self) -> None:
        tables = self.reference.tables
        for transfer in tables.transfers.values():
            outcome = tables.outcomes.get(transfer.id, HoldOutcome.NONE)
            in_memory = self._engine.lookup_transfer(transfer.id)
            stored = self._store.transfer(transfer.id)
            if stored is None or stored.pack() != pack_record(transfer):
                raise Difference(f"{transfer}\n  is stored as {stored}")
            if in_memory is not None:
                _same(f"transfer {transfer.id}", unpack_transfer(in_memory[0]), transfer)
                _same(f"outcome of hold {transfer.id}", HoldOutcome(in_memory[1]), outcome)
            elif outcome == HoldOutcome.OPEN:
                raise Difference(f"open hold {transfer.id} is not in memory")

    def _compare_tables(self) -> None:
        """The projected tables say exactly what the reference says."""
        tables, store = self.reference.tables, self._store
        outcomes = {hold_id: HoldOutcome(outcome) for hold_id, outcome in store.holds.items()}
        _same("outcomes of all holds", outcomes, tables.outcomes)
        _same("failed ids", store.failures, set(tables.failed))
        balances = {key: _balance(row) for key, row in store.balances.items()}
        _same("balance history", balances, tables.balances)
        accounts = {integer(row[0]): _account(row) for row in store.accounts.values()}
        _same("stored accounts", accounts, tables.accounts)

    def _compare_queries(self) -> None:
        window_first = self._first_timestamp_in_memory()
        accounts = list(self.reference.tables.accounts.values())
        for account in self._random.sample(accounts, min(20, len(accounts))):
            wanted = self._filter(account.id, window_first)
            found = self._engine.account_transfers(wanted.pack())
            expected = b"".join(map(pack_record, account_transfers(self.reference, wanted)))
            _same(f"transfers for {wanted}", _transfers(found), _transfers(expected))
            if account.flags & HISTORY:
                wanted = self._filter(account.id, max(window_first, self._balances_from))
                balances = unpack_balances(self._engine.account_balances(wanted.pack()))
                _same(f"balances for {wanted}", balances, account_balances(self.reference, wanted))

    def _first_timestamp_in_memory(self) -> int:
        in_order = sorted(transfer.timestamp for transfer in self.reference.tables.transfers.values())
        first = self._engine.window_first_sequence
        return in_order[first] if first < len(in_order) else self.reference.last_timestamp + 1

    def _filter(self, account_id: int, timestamp_min: int) -> AccountFilter:
        """Return a random filter that asks for nothing older than what is in memory."""
        choose, last = self._random.choice, max(timestamp_min, self.reference.last_timestamp)
        debits = choose((True, True, False))
        return AccountFilter(
            account_id=account_id,
            timestamp_min=choose((timestamp_min, self._random.randint(timestamp_min, last))),
            timestamp_max=choose((0, last)),
            limit=choose((1, 5, 100, 8190)),
            debits=debits,
            credits=choose((True, not debits)),
            reversed=choose((True, False)),
            code=choose((0, 0, 1, 2)),
            user_data_128=choose((0, 0, 1)),
            user_data_64=choose((0, 0, 2)),
            user_data_32=choose((0, 0, 1)),
        )


def _transfers(records: bytes) -> list[Transfer]:
    return [unpack_transfer(records[at : at + RECORD_SIZE]) for at in range(0, len(records), RECORD_SIZE)]


def _account(row: Row) -> Account:
    """Return the account in a row of the `accounts` table."""
    return Account(
        id=integer(row[0]),
        debits_pending=numeric(row[1]),
        debits_posted=numeric(row[2]),
        credits_pending=numeric(row[3]),
        credits_posted=numeric(row[4]),
        user_data_128=integer(row[5]),
        user_data_64=numeric(row[6]),
        user_data_32=integer(row[7]),
        ledger=integer(row[8]),
        code=integer(row[9]),
        flags=integer(row[10]),
        timestamp=integer(row[11]),
    )


def _balance(row: Row) -> AccountBalance:
    """Return the balances in a row of the `account_balances` table."""
    return AccountBalance(
        debits_pending=numeric(row[2]),
        debits_posted=numeric(row[3]),
        credits_pending=numeric(row[4]),
        credits_posted=numeric(row[5]),
        timestamp=integer(row[1]),
    )


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Difference(f"{what}: engine {found!r}, reference {expected!r}")

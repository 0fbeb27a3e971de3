"""Writes the golden journal of the current format version: ``python -m tests.golden.make_journal``.

Refuses to overwrite: what an earlier build wrote is the point of a golden file. See the README beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pycore import _core
from tests.model.records import (
    ACCOUNT_IMPORTED,
    BALANCING_DEBIT,
    CLOSING_DEBIT,
    CREATE_ACCOUNTS,
    CREATE_TRANSFERS,
    CREDITS_MUST_NOT_EXCEED_DEBITS,
    DEBITS_MUST_NOT_EXCEED_CREDITS,
    HISTORY,
    IMPORTED,
    LINKED,
    PENDING,
    POST_PENDING,
    U128_MAX,
    VOID_PENDING,
    Account,
    Transfer,
    Unit,
    pack_units,
    unpack_results,
)
from tests.simulation.memory_store import MemoryStore

FOLDER = Path(__file__).parent
SECOND = 1_000_000_000
START = 1_767_225_600 * SECOND
ENCODINGS = {0: "raw", 1: "lz4"}
CHUNK_SIZE = 16


def batches() -> list[tuple[int, list[Unit]]]:
    """Return the clock and the requests of each batch; ids from 1001 on are accounts."""
    accounts = [
        Account(1001, ledger=156, code=1, flags=HISTORY),
        Account(1002, ledger=156, code=1, flags=DEBITS_MUST_NOT_EXCEED_CREDITS, user_data_128=U128_MAX),
        Account(1003, ledger=156, code=1, flags=CREDITS_MUST_NOT_EXCEED_DEBITS, user_data_64=7, user_data_32=9),
        Account(1004, ledger=156, code=2),
        Account(1005, ledger=840, code=2),
    ]
    early = [
        _move(1, 1001, 1002, 10_000),
        _move(2, 1002, 1004, 2_500, flags=PENDING, timeout=5),
        _move(3, 1002, 1004, 1_000, flags=PENDING, user_data_128=1 << 100),
        _move(4, 1002, 1004, U128_MAX, flags=BALANCING_DEBIT),
        _move(5, 1002, 1004, 1),
        _move(6, 1001, 1005, 1),
        _move(7, 1001, 1004, 3, flags=LINKED),
        _move(8, 1001, 1001, 3),
    ]
    imported = [
        Account(1006, ledger=156, code=1, flags=ACCOUNT_IMPORTED | HISTORY, timestamp=START + 20 * SECOND),
        Account(1007, ledger=156, code=1, flags=ACCOUNT_IMPORTED, timestamp=START + 20 * SECOND),
    ]
    imported_moves = [_move(9, 1001, 1006, 77, flags=IMPORTED, timestamp=START + 21 * SECOND)]
    many = [_move(100 + number, 1001, 1004, number, user_data_64=number) for number in range(200)]
    late = [
        _move(1, 1001, 1002, 10_000),
        _move(5, 1002, 1004, 1),
        Transfer(10, pending_id=3, amount=400, flags=POST_PENDING),
        Transfer(11, pending_id=2, flags=VOID_PENDING),
        Transfer(12, pending_id=99, flags=VOID_PENDING),
        _move(13, 1004, 1001, 0, flags=PENDING | CLOSING_DEBIT),
    ]
    return [
        (START, [(CREATE_ACCOUNTS, accounts)]),
        (START + SECOND, [(CREATE_TRANSFERS, early)]),
        (START + 10 * SECOND, []),
        (START + 30 * SECOND, [(CREATE_ACCOUNTS, imported), (CREATE_TRANSFERS, imported_moves)]),
        (START + 40 * SECOND, [(CREATE_TRANSFERS, many)]),
        (START + 50 * SECOND, [(CREATE_TRANSFERS, late)]),
    ]


def _move(transfer_id: int, debit: int, credit: int, amount: int, **fields: int) -> Transfer:
    return Transfer(transfer_id, debit, credit, amount, **{"ledger": 156, "code": 1, **fields})


def main() -> None:
    """Write the bodies and what must come of them."""
    engine = _core.Engine(chunk_size=CHUNK_SIZE)
    store = MemoryStore()
    expected = []
    version = 0
    for number, (now, units) in enumerate(batches(), start=1):
        packed = pack_units(units)
        cold = store.cold_records(engine.cold_ids(packed)) + store.cold_moments(engine.cold_moments(packed))
        batch = engine.apply(packed, now, cold)
        engine.commit()
        store.append(batch)
        _forget(engine, store)
        results = unpack_results(units, batch.results)
        version, encoding = (int.from_bytes(batch.body[at : at + 2], "little") for at in (4, 6))
        name = f"journal_v{version}_{number}_{ENCODINGS[encoding]}"
        _write(f"{name}.bin", batch.body)
        expected.append(
            {
                "file": f"{name}.bin",
                "timestamp": batch.timestamp,
                "cold_records": len(cold),
                "expired": batch.expired,
                "transfers_created": batch.transfers_created,
                "results": [f"{timestamp} {status.name.lower()}" for timestamp, status in results],
                "results_digest": batch.results_digest.hex(),
                "state_hash": engine.state_hash().hex(),
            }
        )
    _write(f"journal_v{version}.json", (json.dumps(expected, indent=1) + "\n").encode())


def _forget(engine: _core.Engine, store: MemoryStore) -> None:
    """Let chunks leave memory, so that later batches need cold records."""
    projection = engine.take_projection()
    if projection is not None:
        store.project(engine, projection, len(store.journal))
    while engine.sequence_next - engine.window_first_sequence >= 2 * CHUNK_SIZE:
        engine.evict_chunk(engine.window_first_sequence // CHUNK_SIZE)


def _write(name: str, content: bytes) -> None:
    path = FOLDER / name
    if path.exists():
        sys.exit(f"{path} exists: a golden file is never overwritten")
    path.write_bytes(content)


if __name__ == "__main__":
    main()

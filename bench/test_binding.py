"""What crossing into Rust costs: ``.venv/bin/python -m pytest bench/test_binding.py --benchmark-enable``.

Not part of ``make test``: these measure, they do not judge.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from bench.records import TransferSource, accounts
from pycore import _core
from pycore.ledger import Operation
from pycore.ledger.transfer import pack_transfers, unpack_transfers
from pycore.vault import Context, GivenKeySource, Vault

_ACCOUNTS = 8190
_BATCHES = [1, 100, 8190]


def _engine() -> _core.Engine:
    engine = _core.Engine()
    engine.apply([(Operation.CREATE_ACCOUNTS, accounts(_ACCOUNTS).tobytes())], time.time_ns())
    engine.commit()
    return engine


@pytest.mark.parametrize("batch", _BATCHES)
@pytest.mark.parametrize("kind", ["bytes", "numpy"])
def test_apply_and_commit(benchmark: Any, batch: int, kind: str) -> None:
    """A batch through the engine, from bytes or from a numpy array without a copy."""
    engine, source = _engine(), TransferSource(_ACCOUNTS)

    def prepared() -> tuple[tuple[Any], dict[str, Any]]:
        records = source.transfers(batch)
        return (records.tobytes() if kind == "bytes" else records,), {}

    def apply(records: Any) -> None:
        engine.apply([(Operation.CREATE_TRANSFERS, records)], time.time_ns())
        engine.commit()

    benchmark.pedantic(apply, setup=prepared, rounds=200)


@pytest.mark.parametrize("batch", _BATCHES)
def test_decode_protobuf(benchmark: Any, batch: int) -> None:
    """A request of the wire into records."""
    request = _core.encode_transfers(TransferSource(_ACCOUNTS).transfers(batch).tobytes())
    assert len(benchmark(_core.decode_transfers, request)) == batch * _core.RECORD_SIZE


@pytest.mark.parametrize("batch", _BATCHES)
def test_encode_results(benchmark: Any, batch: int) -> None:
    """Results into an answer of the wire."""
    results = np.tile(np.array([1, 0xFFFFFFFF], "<u8"), batch).tobytes()
    benchmark(_core.encode_results, results)


@pytest.mark.parametrize("batch", _BATCHES)
def test_pack_value_objects(benchmark: Any, batch: int) -> None:
    """Value objects into records, in Python."""
    transfers = unpack_transfers(TransferSource(_ACCOUNTS).transfers(batch).tobytes())
    benchmark(pack_transfers, transfers)


def test_chain_hash_of_a_full_batch(benchmark: Any) -> None:
    """The keyed hash of the largest journal row."""
    body = bytes(8190 * _core.RECORD_SIZE)
    benchmark(_core.chain_hash, bytes(32), bytes(32), 1, 1, body)


def test_lookup_accounts(benchmark: Any) -> None:
    """A hundred accounts out of the engine."""
    engine, ids = _engine(), list(range(1, 101))
    assert len(benchmark(engine.lookup_accounts, ids)) == 100 * _core.RECORD_SIZE


@pytest.mark.parametrize("batch", [1, 100, 1000])
@pytest.mark.parametrize("verb", ["seal", "open"])
def test_vault(benchmark: Any, verb: str, batch: int) -> None:
    """Fields of 64 bytes sealed or opened in one crossing."""
    source = GivenKeySource("11" * 32)
    vault = Vault.open(source, Vault.first_keys(source))
    values = [(bytes(64), Context("mer_1", "payer_phone", f"pay_{number}")) for number in range(batch)]
    if verb == "seal":
        assert len(benchmark(vault.seal_many, values)) == batch
    else:
        sealed = [(each, context) for each, (_, context) in zip(vault.seal_many(values), values, strict=True)]
        assert len(benchmark(vault.open_many, sealed)) == batch

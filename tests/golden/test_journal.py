"""Old journals stay readable for ever and lead to the same books; a newer one is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pycore import _core
from pycore.errors import JournalDamagedError, JournalVersionError
from pycore.ledger.journal import JournalRow
from pycore.ledger.recovery import replay
from tests.model.ledger import ReferenceLedger
from tests.model.records import CREATE_ACCOUNTS, RECORD_SIZE, Unit, unpack_account, unpack_results, unpack_transfer

FOLDER = Path(__file__).parent
JOURNALS = sorted(FOLDER.glob("journal_v*.json"))
VERSION_NEWEST = 1


def _read(journal: Path) -> list[tuple[dict[str, Any], bytes]]:
    return [(batch, (FOLDER / batch["file"]).read_bytes()) for batch in json.loads(journal.read_text())]


def _units(body: bytes) -> list[Unit]:
    units: list[Unit] = []
    for operation, records in _core.decode_body(body)[1]:
        events = [records[at : at + RECORD_SIZE] for at in range(0, len(records), RECORD_SIZE)]
        if operation == CREATE_ACCOUNTS:
            units.append((operation, [unpack_account(event) for event in events]))
        else:
            units.append((operation, [unpack_transfer(event) for event in events]))
    return units


def test_there_is_a_journal_of_every_version() -> None:
    assert [journal.name for journal in JOURNALS] == [f"journal_v{n}.json" for n in range(1, VERSION_NEWEST + 1)]


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_the_journal_covers_what_it_must(journal: Path) -> None:
    batches = _read(journal)
    files = {batch["file"] for batch, _ in batches}
    assert files == {path.name for path in FOLDER.glob(f"{journal.stem}_*.bin")}
    assert {name.rpartition("_")[2] for name in files} == {"raw.bin", "lz4.bin"}
    assert any(batch["cold_records"] for batch, _ in batches)
    assert any(batch["expired"] for batch, _ in batches)


@pytest.mark.parametrize("chunk_size", [16, 1 << 20])
@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_replay_leads_to_the_same_state(journal: Path, chunk_size: int) -> None:
    engine = _core.Engine(chunk_size=chunk_size)
    for expected, body in _read(journal):
        batch = engine.replay(body, bytes.fromhex(expected["results_digest"]))
        results = unpack_results(_units(body), batch.results)
        assert [f"{timestamp} {status.name.lower()}" for timestamp, status in results] == expected["results"]
        assert batch.timestamp == expected["timestamp"]
        assert batch.expired == expected["expired"]
        assert batch.transfers_created == expected["transfers_created"]
        assert engine.state_hash().hex() == expected["state_hash"]
        engine.check_invariants()


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_the_reference_comes_to_the_same_results(journal: Path) -> None:
    reference = ReferenceLedger()
    for expected, body in _read(journal):
        results = reference.apply(_units(body), expected["timestamp"])
        reference.commit()
        assert [f"{timestamp} {status.name.lower()}" for timestamp, status in results] == expected["results"]


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_a_newer_version_is_refused(journal: Path) -> None:
    batch, body = _read(journal)[0]
    newer = body[:4] + (VERSION_NEWEST + 1).to_bytes(2, "little") + body[6:]
    engine = _core.Engine()
    before = engine.state_hash()
    with pytest.raises(_core.BodyVersionError, match=str(VERSION_NEWEST + 1)):
        _core.decode_body(newer)
    digest = bytes.fromhex(batch["results_digest"])
    row = JournalRow(lsn=1, epoch=1, transfer_count=0, hash=bytes(32), results_digest=digest, body=newer)
    with pytest.raises(JournalVersionError):
        replay(engine, row)
    assert engine.state_hash() == before


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_other_results_than_recorded_are_refused(journal: Path) -> None:
    _, body = _read(journal)[0]
    events = sum(len(records) for _, records in _core.decode_body(body)[1]) // _core.RECORD_SIZE
    row = JournalRow(lsn=1, epoch=1, transfer_count=events, hash=bytes(32), results_digest=bytes(32), body=body)
    with pytest.raises(JournalDamagedError):
        replay(_core.Engine(), row)


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda journal: journal.stem)
def test_a_cut_body_is_refused_wherever_it_is_cut(journal: Path) -> None:
    for _, body in _read(journal):
        for length in {*range(40), *range(0, len(body), 37), len(body) - 1} - {len(body)}:
            if length < len(body):
                with pytest.raises(ValueError):
                    _core.decode_body(body[:length])
        with pytest.raises(ValueError):
            _core.decode_body(body + b"\0")

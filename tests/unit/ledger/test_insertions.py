"""Insertions: whatever a value is, PostgreSQL has it as it was given, few rows or many."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycore import _core
from pycore.errors import LedgerFencedError, RowsRefusedError
from pycore.ledger import Insertion, Ledger, Operation, Rows, Table
from pycore.ledger import rows as ledger_rows
from tests.unit.ledger.conftest import OpenLedger, account, transfer

COLUMNS = (
    ("id", "bigint"),
    ("uuid", "uuid"),
    ("truth", "boolean"),
    ("short", "smallint"),
    ("number", "integer"),
    ("long", "bigint"),
    ("text", "text"),
    ("document", "json"),
    ("bytes", "bytea"),
)
EVERYTHING = Table("everything", COLUMNS)
CREATE = f"CREATE TABLE everything ({', '.join(f'{name} {type}' for name, type in COLUMNS)}, UNIQUE (id))"
NULLS = (None,) * (len(COLUMNS) - 1)
FORMS = {"few": 1 << 30, "many": 1}

_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_values = st.tuples(
    st.none() | st.integers(0, (1 << 128) - 1),
    st.none() | st.booleans(),
    st.none() | st.integers(-(1 << 15), (1 << 15) - 1),
    st.none() | st.integers(-(1 << 31), (1 << 31) - 1),
    st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    st.none()
    | _text
    | st.sampled_from(["", "NULL", "\\N", '"', "\\", "\\.", "\r\n\t\x01\x1f\x7f", "😀é{}[],'", "\\u0000"]),
    st.none()
    | st.recursive(
        st.none() | st.integers() | _text, lambda inner: st.lists(inner) | st.dictionaries(_text, inner)
    ).map(json.dumps),
    st.none() | st.binary(),
)
_ids = itertools.count(1)


@pytest.fixture(params=[*FORMS.values()], ids=[*FORMS])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every batch as if its rows were few, or many."""
    monkeypatch.setattr(ledger_rows, "_COPY_ROWS_MIN", request.param)


@pytest_asyncio.fixture
async def beside(database_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection beside the ledger's, and a table with every type."""
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(CREATE)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def ledger(open_ledger: OpenLedger) -> Ledger:
    """A ledger with two accounts."""
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    return ledger


async def _ids_in(connection: asyncpg.Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM everything ORDER BY id")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(_values, min_size=1, max_size=20))
async def test_what_is_given_is_read(
    form: None, ledger: Ledger, beside: asyncpg.Connection, values: list[tuple[Any, ...]]
) -> None:
    given_rows = [(next(_ids), *each) for each in values]
    await ledger.record([Insertion(EVERYTHING, given_rows)])
    query = "SELECT * FROM everything WHERE id BETWEEN $1 AND $2 ORDER BY id"
    read = await beside.fetch(query, given_rows[0][0], given_rows[-1][0])
    # The driver gives a json as its text: it must not have changed by a letter.
    assert [tuple(row.values()) for row in read] == [
        tuple(_uuid(value) if name == "uuid" else value for (name, _), value in zip(COLUMNS, row, strict=True))
        for row in given_rows
    ]


def _uuid(value: int | None) -> asyncpg.pgproto.pgproto.UUID | None:
    return None if value is None else asyncpg.pgproto.pgproto.UUID(f"{value:032x}")


async def test_with_transfers_and_statements_in_one_batch(
    form: None, ledger: Ledger, beside: asyncpg.Connection
) -> None:
    await ledger.record([Insertion(EVERYTHING, [(0, *NULLS)])])
    change = "UPDATE everything SET number = 5 FROM unnest($1::bigint[]) AS change (id) WHERE everything.id = change.id"

    def rows_of(results: bytes) -> Sequence[Rows | Insertion]:
        return [Insertion(EVERYTHING, [(1, *NULLS), (2, *NULLS)]), Rows(change, [(0,)])]

    await asyncio.gather(
        ledger.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 5).pack(), rows_of=rows_of),
        ledger.record([Insertion(EVERYTHING, [(3, *NULLS)])]),
    )
    assert await _ids_in(beside) == [0, 1, 2, 3]
    assert await beside.fetchval("SELECT number FROM everything WHERE id = 0") == 5


async def test_a_row_that_is_refused_spoils_only_its_own_request(
    form: None, ledger: Ledger, beside: asyncpg.Connection
) -> None:
    sent = [ledger.record([Insertion(EVERYTHING, [(id % 9, *NULLS)])]) for id in range(10)]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    refused = answers.pop()
    assert isinstance(refused, RowsRefusedError)
    assert refused.constraint == "everything_id_key"
    assert answers == [None] * 9
    assert await _ids_in(beside) == list(range(9))


async def test_callers_are_told_though_the_next_batch_hangs(
    form: None, ledger: Ledger, beside: asyncpg.Connection
) -> None:
    """They are told once the database has that batch, but they never wait for it long."""
    async with asyncio.TaskGroup() as tasks, beside.transaction():
        await beside.execute("LOCK TABLE everything")
        first = tasks.create_task(ledger.create_transfers([transfer(1, 2, 5)]))
        for is_waiting in (True, False):  # until it was taken, and is on its way
            while bool(ledger.stats().writer.queued_events) is not is_waiting:
                await asyncio.sleep(0)
        # More than the sockets hold, so that the database does not have all of it.
        rows = [(id, *NULLS[:5], "x" * 4096, None, None) for id in range(256)]
        second = tasks.create_task(ledger.record([Insertion(EVERYTHING, rows)]))
        await asyncio.wait_for(asyncio.shield(first), 5)
        assert not second.done()
    assert len(await _ids_in(beside)) == 256


UNFIT = {
    "too long for smallint": (1, None, None, 1 << 15, None, None, None, None, None),
    "too long for bigint": (1 << 63, *NULLS),
    "a negative uuid": (1, -1, *NULLS[1:]),
    "text for a number": ("1", *NULLS),
    "a float for a number": (1.0, *NULLS),
    "a boolean for a number": (True, *NULLS),
    "a number for a boolean": (1, None, 1, *NULLS[2:]),
    "a number for text": (1, *NULLS[:5], 1, None, None),
    "U+0000": (1, *NULLS[:5], "a\0b", None, None),
    "a lone surrogate": (1, *NULLS[:5], "secret\ud800", None, None),
    "bytes that are no UTF-8": (1, *NULLS[:6], b'"\xff"', None),
    "text for bytes": (1, *NULLS[:7], "bytes"),
    "a value too few": (1,),
    "a value too many": (1, *NULLS, None),
    "no tuple": [1, *NULLS],
}


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT.keys())
async def test_a_value_its_column_cannot_have_spoils_only_its_own_request(
    ledger: Ledger, beside: asyncpg.Connection, unfit: tuple[Any, ...]
) -> None:
    sent = [ledger.record([Insertion(EVERYTHING, [(id, *NULLS)])]) for id in range(5, 10)]
    guilty = ledger.record([Insertion(EVERYTHING, [(100, *NULLS)]), Insertion(EVERYTHING, [unfit])])
    answers = await asyncio.gather(guilty, *sent, return_exceptions=True)
    assert isinstance(answers[0], TypeError | ValueError)
    assert "secret" not in str(answers[0])
    assert answers[1:] == [None] * 5
    assert await _ids_in(beside) == list(range(5, 10))


async def test_json_that_is_none_is_refused_by_the_database(
    form: None, ledger: Ledger, beside: asyncpg.Connection
) -> None:
    for broken in ('{"a":', "1}],[{", ""):
        with pytest.raises(RowsRefusedError):
            await ledger.record([Insertion(EVERYTHING, [(1, *NULLS[:6], broken, None)])])
    assert await _ids_in(beside) == []


async def test_a_writer_that_was_overtaken_inserts_nothing(
    form: None, ledger: Ledger, open_ledger: OpenLedger, beside: asyncpg.Connection
) -> None:
    await open_ledger(take_over=True)
    with pytest.raises(LedgerFencedError):
        await ledger.record([Insertion(EVERYTHING, [(1, *NULLS)])])
    assert await _ids_in(beside) == []


async def test_a_type_that_rows_cannot_have() -> None:
    with pytest.raises(ValueError, match="moment is timestamp"):
        Table("events", [("moment", "timestamp")])


def test_rows_that_were_refused_leave_nothing_in_the_buffer() -> None:
    buffer = _core.RowBuffer(COLUMNS)
    assert (len(buffer), buffer.copy(), buffer.json()) == (0, b"", "[]")
    buffer.extend([(1, *NULLS)])
    before = buffer.copy()
    with pytest.raises(ValueError, match="a value of id does not fit bigint"):
        buffer.extend([(2, *NULLS), (1 << 63, *NULLS)])
    assert (len(buffer), buffer.copy()) == (1, before)

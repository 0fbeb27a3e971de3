"""A ledger that stops, however it stops, comes back as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import msgspec
import pytest

from pycore import _core
from pycore.errors import (
    JournalDamagedError,
    JournalKeyError,
    JournalVersionError,
    LedgerFencedError,
    LedgerInUseError,
    LedgerUnavailableError,
    StateMismatchError,
)
from pycore.ids import new_id
from pycore.ledger import (
    AMOUNT_MAX,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferStatus,
    JournalKey,
    Ledger,
    Operation,
    Transfer,
    TransferFlags,
    verify,
)
from pycore.ledger.journal import one
from tests.unit.ledger.conftest import KEY, OpenLedger, account, crash, transfer


async def _fill(ledger: Ledger, transfers: int) -> list[Transfer]:
    """Make accounts and a few of everything: posts, holds open and closed, failures."""
    await ledger.create_accounts([account(1), account(2, flags=2), account(3, flags=8)])
    sent: list[Transfer] = []
    for n in range(transfers // 4):
        held = transfer(1, 3, n + 1, flags=TransferFlags.PENDING, timeout=3600 * (n % 2))
        closing = TransferFlags.POST_PENDING_TRANSFER if n % 3 else TransferFlags.VOID_PENDING_TRANSFER
        amount = n // 2 if n % 3 else 0
        batch = [transfer(1, 3, n + 1), held, transfer(2, 3, 10**9)]
        if n % 4:
            batch.append(Transfer(id=new_id(), pending_id=held.id, amount=amount, flags=closing))
        await ledger.create_transfers(batch)
        sent += batch
    return sent


async def _insist(ledger: Ledger, sent: Transfer) -> CreateTransferStatus:
    """Send a transfer until the database is back; return its result."""
    while True:
        try:
            return (await ledger.create_transfers([sent]))[0].status
        except LedgerUnavailableError:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize("chunk_size", [16, 1 << 20])
async def test_the_state_after_a_crash_is_the_state_before(
    open_ledger: OpenLedger, projected: bool, chunk_size: int
) -> None:
    ledger = await open_ledger(chunk_size=chunk_size)
    sent = await _fill(ledger, 100)
    if projected:
        await ledger.flush_projection()
        await asyncio.sleep(0.6)  # time for a seal
    before, totals = ledger.state_hash(), ledger.trial_balance()
    answers = [(await ledger.create_transfers([again]))[0] for again in sent]
    await crash(ledger)
    ledger = await open_ledger(chunk_size=chunk_size)
    ledger.check_invariants()
    assert ledger.trial_balance() == totals
    retried = [(await ledger.create_transfers([again]))[0] for again in sent]
    assert [answer.status for answer in retried] == [answer.status for answer in answers]
    assert CreateTransferStatus.CREATED not in {answer.status for answer in retried}
    assert before  # the retries moved the clock, so only balances are compared above
    unchanged = ledger.state_hash()
    await ledger.close()
    assert (await open_ledger(chunk_size=chunk_size)).state_hash() == unchanged


async def test_old_ids_are_as_unique_as_new_ones(open_ledger: OpenLedger) -> None:
    """A retry that comes after its transfer left memory gets the same answer as one that comes at once."""
    ledger = await open_ledger(chunk_size=16)
    sent = await _fill(ledger, 200)
    recent = [(await ledger.create_transfers([again]))[0].status for again in sent]
    await ledger.flush_projection()
    while ledger._engine.window_first_sequence < 100:
        await asyncio.sleep(0.02)
    before = ledger.stats().writer.cold_ids
    late = [(await ledger.create_transfers([again]))[0].status for again in sent]
    assert late == recent
    assert ledger.stats().writer.cold_ids > before
    tampered = [
        Transfer(id=t.id, debit_account_id=t.debit_account_id, credit_account_id=t.credit_account_id,
                 amount=t.amount + 1, ledger=t.ledger, code=t.code)
        for t in sent if t.flags == 0 and t.debit_account_id == 1
    ]  # fmt: skip
    statuses = {result.status for result in await ledger.create_transfers(tampered)}
    assert statuses == {CreateTransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT}


async def test_f24_only_the_maximum_stands_for_a_whole_hold(open_ledger: OpenLedger) -> None:
    """A post of 80 of 80 was sent again with 81, and one of the maximum with 65534: both were answered `exists`.

    The real TigerBeetle 0.17.9 takes only the maximum for "the whole hold"; any other number must be the posted one.
    """
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    for hold_amount, posted, again in ((80, 80, 81), (23, AMOUNT_MAX, 65_534), (23, 23, AMOUNT_MAX - 1)):
        hold = transfer(1, 2, hold_amount, flags=TransferFlags.PENDING)
        post = Transfer(id=new_id(), pending_id=hold.id, amount=posted, flags=TransferFlags.POST_PENDING_TRANSFER)
        changed = msgspec.structs.replace(post, amount=again)
        whole = msgspec.structs.replace(post, amount=AMOUNT_MAX)
        (made,) = await ledger.create_transfers([hold])
        statuses = [(await ledger.create_transfers([sent]))[0].status for sent in (post, changed, post, whole)]
        assert made.status is CreateTransferStatus.CREATED
        assert statuses == [
            CreateTransferStatus.CREATED,
            CreateTransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT,
            CreateTransferStatus.EXISTS,
            CreateTransferStatus.EXISTS,
        ]


@pytest.mark.parametrize("is_cold", [False, True])
async def test_f25_an_account_is_imported_behind_transfers_but_not_at_one(
    open_ledger: OpenLedger, *, is_cold: bool
) -> None:
    """An account older than an ordinary transfer was refused; the reference asks only that no transfer has its time.

    So it is with transfers that left memory, and in the ledger that replays the journal.
    """
    ledger = await open_ledger(chunk_size=16)
    await ledger.create_accounts([account(1), account(2)])
    times = [(await ledger.create_transfers([transfer(1, 2, 1)]))[0].timestamp for _ in range(64)]
    if is_cold:
        await ledger.flush_projection()
        while ledger._engine.window_first_sequence < 32:
            await asyncio.sleep(0.02)
    taken, free = times[3], times[9] + 1
    assert times[9] < free < times[10]
    statuses = []
    for id, timestamp in ((3, taken), (3, free), (4, free), (4, times[20]), (4, times[20] + 1)):
        imported = msgspec.structs.replace(account(id), flags=AccountFlags.IMPORTED, timestamp=timestamp)
        statuses.append((await ledger.create_accounts([imported]))[0].status)
    refused = CreateAccountStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
    assert statuses == [refused, CreateAccountStatus.CREATED, refused, refused, CreateAccountStatus.CREATED]
    before = ledger.state_hash()
    await crash(ledger)
    ledger = await open_ledger(chunk_size=16)
    assert ledger.state_hash() == before


async def test_a_second_writer_is_refused_while_the_first_is_alive(open_ledger: OpenLedger) -> None:
    await open_ledger()
    with pytest.raises(LedgerInUseError):
        await open_ledger()


async def test_a_writer_that_was_overtaken_can_commit_nothing(open_ledger: OpenLedger) -> None:
    first = await open_ledger()
    await first.create_accounts([account(1), account(2)])
    second = await open_ledger(take_over=True)
    with pytest.raises(LedgerFencedError):
        await first.create_transfers([transfer(1, 2, 5)])
    with pytest.raises(LedgerFencedError):
        first.enqueue(Operation.CREATE_TRANSFERS, transfer(1, 2, 5).pack())
    assert (await second.lookup_accounts([2]))[0].credits_posted == 0
    assert (await second.create_transfers([transfer(1, 2, 7)]))[0].status is CreateTransferStatus.CREATED


async def test_a_connection_cut_between_batches_costs_at_most_one_refusal(
    open_ledger: OpenLedger, database_dsn: str
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    other = await asyncpg.connect(database_dsn)
    for n in range(5):
        await other.execute("SELECT pg_terminate_backend($1)", ledger._lease.connection.get_server_pid())
        sent = transfer(1, 2, 1)
        assert await _insist(ledger, sent) in (CreateTransferStatus.CREATED, CreateTransferStatus.EXISTS)
        assert (await ledger.lookup_accounts([2]))[0].credits_posted == n + 1
    await other.close()


async def test_another_key_is_refused(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await _fill(ledger, 8)
    await ledger.close()
    with pytest.raises(JournalKeyError):
        await open_ledger(key=JournalKey(bytes(32)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("UPDATE ledger_journal SET body=set_byte(body, 9, get_byte(body, 9) # 1) WHERE lsn = 2", JournalDamagedError),
        ("UPDATE ledger_journal SET prev_hash = hash WHERE lsn = 2", JournalDamagedError),
        ("UPDATE ledger_journal SET epoch = epoch + 1 WHERE lsn = 2", JournalDamagedError),
        ("UPDATE ledger_journal SET results_digest = hash WHERE lsn = 2", JournalDamagedError),
        ("DELETE FROM ledger_journal WHERE lsn = 2", JournalDamagedError),
        ("UPDATE ledger_projection SET projected_lsn = 1000", JournalDamagedError),
        ("UPDATE accounts SET debits_posted = debits_posted + 1 WHERE debits_posted > 0", StateMismatchError),
        ("DELETE FROM accounts WHERE credits_posted > 0", StateMismatchError),
    ],
)  # fmt: skip
async def test_a_damaged_database_is_refused_at_start(
    open_ledger: OpenLedger, database_dsn: str, change: str, error: type[Exception]
) -> None:
    ledger = await open_ledger()
    await _fill(ledger, 8)
    if "accounts" in change:
        await ledger.close()
    else:
        ledger._projector._stopping.set()
        await crash(ledger)
    connection = await asyncpg.connect(database_dsn)
    if "accounts" not in change:
        await connection.execute(
            "TRUNCATE accounts, transfers, holds, transfer_failures, account_balances; UPDATE ledger_projection"
            " SET projected_lsn = 0, sequence_next = 0, last_timestamp = 0,"
            " last_transfer_timestamp = 0, id_time_max_ms = 0"
        )
    await connection.execute(change)
    await connection.close()
    with pytest.raises(error):
        await open_ledger()


async def test_a_newer_journal_is_refused_by_name(open_ledger: OpenLedger, database_dsn: str) -> None:
    ledger = await open_ledger()
    await _fill(ledger, 8)
    await ledger.close()
    connection = await asyncpg.connect(database_dsn)
    row = await one(connection, "SELECT * FROM ledger_journal ORDER BY lsn DESC LIMIT 1")
    body = row["body"][:4] + (999).to_bytes(2, "little") + row["body"][6:]
    digest = _core.chain_hash(KEY.secret, row["hash"], row["lsn"] + 1, row["epoch"], body)
    await connection.execute(
        "INSERT INTO ledger_journal VALUES ($1, $2, 0, $3, $4, $5, $6)",
        row["lsn"] + 1, row["epoch"], row["hash"], digest, row["results_digest"], body,
    )  # fmt: skip
    await connection.close()
    with pytest.raises(JournalVersionError, match="999"):
        await open_ledger()


async def test_verification_of_untouched_books_finds_nothing(open_ledger: OpenLedger, database_dsn: str) -> None:
    ledger = await open_ledger(chunk_size=16)
    await _fill(ledger, 100)
    await ledger.flush_projection()
    while ledger._engine.window_first_sequence < 32:
        await asyncio.sleep(0.02)
    await _fill(ledger, 20)
    expected = ledger.state_hash().hex()
    await ledger.close()
    connection = await asyncpg.connect(database_dsn)
    report = await verify(connection, KEY.secret)
    await connection.close()
    assert report.findings == []
    assert report.state_hash == expected


async def test_a_commit_with_a_warning_is_looked_up_before_it_is_believed(
    open_ledger: OpenLedger, database_dsn: str
) -> None:
    """A cancelled wait for a synchronous standby ends in COMMIT and a warning: durable here, and nowhere else."""
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute(
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE WARNING 'cancelled'; RETURN NEW; END $$;"
        " CREATE TRIGGER warn BEFORE INSERT ON ledger_journal FOR EACH ROW EXECUTE FUNCTION warn()"
    )
    epoch = ledger.stats().epoch
    (result,) = await ledger.create_transfers([transfer(1, 2, 5)])
    assert result.status is CreateTransferStatus.CREATED
    assert ledger.stats().epoch == epoch + 1  # settled on a new connection, under a new epoch
    assert await connection.fetchval("SELECT count(*) FROM ledger_journal") == 2
    await connection.close()


async def test_a_raise_of_the_epoch_whose_answer_was_lost_is_not_another_writers(
    open_ledger: OpenLedger, database_dsn: str
) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    connection = await asyncpg.connect(database_dsn)
    await connection.execute("UPDATE ledger_lease SET epoch = epoch + 1")
    await connection.execute("SELECT pg_terminate_backend($1)", ledger._lease.connection.get_server_pid())
    await connection.close()
    sent = transfer(1, 2, 5)
    await ledger.flush_projection()  # the projector takes it for no other writer's either
    await _insist(ledger, sent)
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 5


async def test_a_missing_key_is_refused_and_none_is_made(database_dsn: str, tmp_path: Path) -> None:
    async with Ledger.open(dsn=database_dsn, data=tmp_path / "first") as ledger:
        await ledger.create_accounts([account(1)])
    with pytest.raises(JournalKeyError):
        await Ledger.open(dsn=database_dsn, data=tmp_path / "second")
    assert not (tmp_path / "second" / "journal.key").exists()

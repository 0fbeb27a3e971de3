-- The ledger: a journal that is the truth, and a projection of it that people can query.
--
-- 128-bit ids are uuid (big-endian, so they sort by time); amounts and 64/128-bit numbers are numeric;
-- times are nanoseconds since 1970 in bigint. The column order of the projected tables is the order of
-- the binary COPY buffers the engine writes.

-- One row per shard: who may append. Taking over raises the epoch; every append checks it.
CREATE TABLE ledger_lease (
    shard       integer PRIMARY KEY,
    epoch       bigint NOT NULL,
    holder      text NOT NULL,
    acquired_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO ledger_lease (shard, epoch, holder) VALUES (0, 0, 'nobody');

-- What can never change after the first start: which key signs the chain, how transfers are chunked.
CREATE TABLE ledger_identity (
    shard      integer PRIMARY KEY,
    key_check  bytea NOT NULL CHECK (octet_length(key_check) = 32),
    chunk_size bigint NOT NULL CHECK (chunk_size > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row per batch, gap-free; hash is a keyed chain over prev_hash, lsn, epoch and body.
CREATE TABLE ledger_journal (
    lsn            bigint PRIMARY KEY CHECK (lsn > 0),
    epoch          bigint NOT NULL,
    transfer_count integer NOT NULL CHECK (transfer_count >= 0),
    prev_hash      bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
    results_digest bytea NOT NULL CHECK (octet_length(results_digest) = 32),
    body           bytea NOT NULL
);
-- The engine compresses bodies itself; a second pass would only burn time.
ALTER TABLE ledger_journal ALTER COLUMN body SET STORAGE EXTERNAL;

-- How far the tables below have followed the journal.
CREATE TABLE ledger_projection (
    shard          integer PRIMARY KEY,
    projected_lsn  bigint NOT NULL,
    sequence_next  bigint NOT NULL,
    last_timestamp bigint NOT NULL,
    last_transfer_timestamp bigint NOT NULL,
    id_time_max_ms bigint NOT NULL
);
INSERT INTO ledger_projection VALUES (0, 0, 0, 0, 0, 0);

-- A closed and indexed chunk of transfers, and what tells whether an id or a time can be inside it.
CREATE TABLE ledger_chunk (
    chunk               bigint PRIMARY KEY,
    first_timestamp     bigint NOT NULL,
    last_timestamp      bigint NOT NULL,
    id_time_min_ms      bigint NOT NULL,
    id_time_max_ms      bigint NOT NULL,
    has_implausible_ids boolean NOT NULL
);

CREATE TABLE accounts (
    id              uuid PRIMARY KEY,
    debits_pending  numeric NOT NULL,
    debits_posted   numeric NOT NULL,
    credits_pending numeric NOT NULL,
    credits_posted  numeric NOT NULL,
    user_data_128   uuid,
    user_data_64    numeric NOT NULL,
    user_data_32    bigint NOT NULL,
    ledger          bigint NOT NULL,
    code            integer NOT NULL,
    flags           integer NOT NULL,
    "timestamp"     bigint NOT NULL,
    CONSTRAINT balances_not_negative CHECK (
        debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0),
    CONSTRAINT debits_must_not_exceed_credits CHECK (
        flags & 2 = 0 OR debits_pending + debits_posted <= credits_posted),
    CONSTRAINT credits_must_not_exceed_debits CHECK (
        flags & 4 = 0 OR credits_pending + credits_posted <= debits_posted)
) WITH (fillfactor = 70);

-- Partitioned by sequence into chunks; a chunk gets its indexes when it is full (see pycore/ledger/chunks.py).
CREATE TABLE transfers (
    sequence          bigint NOT NULL,
    id                uuid NOT NULL,
    debit_account_id  uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount            numeric NOT NULL,
    pending_id        uuid,
    user_data_128     uuid,
    user_data_64      numeric NOT NULL,
    user_data_32      bigint NOT NULL,
    timeout           bigint NOT NULL,
    ledger            bigint NOT NULL,
    code              integer NOT NULL,
    flags             integer NOT NULL,
    "timestamp"       bigint NOT NULL
) PARTITION BY RANGE (sequence);

-- outcome: 1 open, 2 posted, 3 voided, 4 expired.
CREATE TABLE holds (
    id          uuid PRIMARY KEY,
    "timestamp" bigint NOT NULL,
    expires_at  bigint NOT NULL,
    outcome     smallint NOT NULL DEFAULT 1 CHECK (outcome BETWEEN 1 AND 4),
    closed_at   bigint,
    CHECK ((outcome = 1) = (closed_at IS NULL))
);
CREATE INDEX holds_open ON holds ("timestamp") WHERE outcome = 1;

-- Ids that failed for a passing reason: they fail for ever.
CREATE TABLE transfer_failures (
    id          uuid PRIMARY KEY,
    "timestamp" bigint NOT NULL
);

-- Balances after each transfer, for accounts that keep their history.
CREATE TABLE account_balances (
    account_id      uuid NOT NULL,
    "timestamp"     bigint NOT NULL,
    debits_pending  numeric NOT NULL,
    debits_posted   numeric NOT NULL,
    credits_pending numeric NOT NULL,
    credits_posted  numeric NOT NULL,
    PRIMARY KEY (account_id, "timestamp")
);

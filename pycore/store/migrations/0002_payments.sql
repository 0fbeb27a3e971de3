-- Payments: who may ask (merchants, keys), what was asked and became of it, and what is told to others.
--
-- Ids are uuid (UUIDv7), times nanoseconds since 1970 in bigint, amounts minor units in bigint. Every row of a tenant
-- carries merchant_id and live: test mode is a world of its own. Rows about money are written by the ledger's writer,
-- in the transaction of the transfers they belong to.

CREATE TABLE merchants (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    status        text NOT NULL CHECK (status IN ('active', 'disabled')),
    labels        text[] NOT NULL DEFAULT '{}',
    requests_per_second integer NOT NULL CHECK (requests_per_second > 0),
    requests_burst      integer NOT NULL CHECK (requests_burst > 0),
    created_at    bigint NOT NULL,
    version       integer NOT NULL DEFAULT 1
);

-- Every version of a merchant's routing rules; the newest is in force. set_by: a key's id, or who was at the command line.
CREATE TABLE routing_rules (
    merchant_id uuid NOT NULL REFERENCES merchants (id),
    live        boolean NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    rules       text NOT NULL,
    set_by      text NOT NULL,
    set_at      bigint NOT NULL,
    PRIMARY KEY (merchant_id, live, version)
);

-- code_id: what the store's printed code stands for; another once a code was stolen or lost, and the old one is nobody's.
-- code_amount_max: of one payment at it, minor units. code_open_max: payments at it that nobody paid yet.
CREATE TABLE stores (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL REFERENCES merchants (id),
    live            boolean NOT NULL,
    name            text NOT NULL,
    code_id         uuid NOT NULL UNIQUE,
    code_enabled    boolean NOT NULL DEFAULT true,
    code_amount_max bigint NOT NULL CHECK (code_amount_max > 0),
    code_open_max   integer NOT NULL CHECK (code_open_max > 0),
    created_at      bigint NOT NULL
);
CREATE INDEX stores_of_merchant ON stores (merchant_id, live, id);

-- Names, phones and id numbers are sealed with the person's own key; the blind index finds a phone again.
CREATE TABLE customers (
    id                 uuid PRIMARY KEY,
    merchant_id        uuid NOT NULL REFERENCES merchants (id),
    live               boolean NOT NULL,
    merchant_reference text NOT NULL,
    account_class      smallint NOT NULL CHECK (account_class BETWEEN 1 AND 3),
    subject_key        bytea NOT NULL,
    name_sealed        bytea,
    phone_sealed       bytea,
    phone_index        bytea,
    id_number_sealed   bytea,
    created_at         bigint NOT NULL,
    version            integer NOT NULL DEFAULT 1,
    UNIQUE (merchant_id, live, merchant_reference)
);
CREATE INDEX customers_of_merchant ON customers (merchant_id, live, id);
CREATE INDEX customers_by_phone ON customers (merchant_id, live, phone_index) WHERE phone_index IS NOT NULL;

-- The secret itself is never stored. A key without a merchant is an operator's. A key that has
-- revoked_at works no more, whatever the clock says; one that overlaps with its successor expires at the end of that.
CREATE TABLE api_keys (
    id               uuid PRIMARY KEY,
    merchant_id      uuid REFERENCES merchants (id),
    live             boolean NOT NULL CHECK (live OR merchant_id IS NOT NULL),
    name             text NOT NULL,
    hint             text NOT NULL,
    secret_hash      bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    scopes           text[] NOT NULL,
    allowed_networks text[] NOT NULL DEFAULT '{}',
    requests_per_second integer NOT NULL CHECK (requests_per_second > 0),
    requests_burst      integer NOT NULL CHECK (requests_burst > 0),
    replaced_by      uuid REFERENCES api_keys (id),
    created_at       bigint NOT NULL,
    expires_at       bigint,
    revoked_at       bigint
);
CREATE INDEX api_keys_of_merchant ON api_keys (merchant_id, live, id);

-- The vault's wrapped keys but those of persons, as it gives them (see pycore/vault).
CREATE TABLE vault_keys (
    id         uuid PRIMARY KEY,
    wrapped    bytea NOT NULL,
    created_at bigint NOT NULL
);

-- What signs the links payers are given, sealed by the vault: one for ever, since links are printed.
CREATE TABLE cashier_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    sealed  bytea NOT NULL
);

-- What a payer was asked to pay. The winner's channel and attempt are here once there is one.
-- idempotency_key, fingerprint: of the request that made it. It was answered with the data of the payment's first event
-- unless there is another answer in idempotency_keys.
CREATE TABLE payments (
    id                 uuid NOT NULL,
    merchant_id        uuid NOT NULL,
    live               boolean NOT NULL,
    merchant_reference text NOT NULL,
    status             text NOT NULL CHECK (status IN ('created', 'requires_action', 'processing', 'authorized',
                           'succeeded', 'failed', 'canceled', 'expired')),
    purpose            text NOT NULL CHECK (purpose IN ('purchase', 'top_up')),
    amount             bigint NOT NULL CHECK (amount > 0),
    currency           text NOT NULL,
    amount_captured    bigint NOT NULL CHECK (amount_captured BETWEEN 0 AND amount),
    amount_refunded    bigint NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_captured),
    capture_method     text NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    method             text,
    channel            text,
    attempt_id         uuid,
    hold_id            uuid,
    store_id           uuid,
    customer_id        uuid,
    subject            text NOT NULL,
    next_action        json,
    failure_code       text,
    return_url         text,
    metadata           json,
    created_at         bigint NOT NULL,
    expires_at         bigint NOT NULL,
    updated_at         bigint NOT NULL,
    version            integer NOT NULL,
    idempotency_key    text NOT NULL,
    fingerprint        bytea NOT NULL,
    PRIMARY KEY (id),
    -- What comes first in these two alone tells nearly all rows apart.
    UNIQUE (merchant_reference, merchant_id, live),
    UNIQUE (idempotency_key, merchant_id, live)
);
CREATE INDEX payments_of_merchant ON payments (merchant_id, live, id);
-- How many payments wait at a store's code.
CREATE INDEX payments_open_of_store ON payments (store_id)
    WHERE store_id IS NOT NULL AND status IN ('created', 'requires_action', 'processing');
CREATE INDEX payments_of_customer ON payments (customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_of_store ON payments (store_id, id) WHERE store_id IS NOT NULL;
CREATE INDEX payments_by_metadata ON payments USING gin ((metadata::jsonb) jsonb_path_ops) WHERE metadata IS NOT NULL;
-- What has an end in time and has not met it yet: the sweeper's list.
CREATE INDEX payments_open ON payments (expires_at) WHERE status IN ('created', 'requires_action', 'processing', 'authorized');

-- One try at one channel. It is written before the channel is called (the intention) and after (the outcome).
-- next_check_at: when the channel is to be asked; NULL once nothing is open, or once only a person can tell.
-- ends_as: set once nobody shall pay it any more; what becomes of the payment when the channel agrees.
-- is_reversing: a reversal was or is being sent and was not refused: what was paid has gone back, or may have. While the
-- attempt is open the reversal is repeated; no notification books anything for it any more.
-- routed_as: how the router was told it ended; NULL until then, told once.
CREATE TABLE payment_attempts (
    id             uuid PRIMARY KEY,
    payment_id     uuid NOT NULL,
    merchant_id    uuid NOT NULL,
    live           boolean NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    channel        text NOT NULL,
    method         text NOT NULL,
    status         text NOT NULL CHECK (status IN ('created', 'submitted', 'succeeded', 'failed', 'unknown', 'closed')),
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       text NOT NULL,
    channel_order  json NOT NULL,
    transaction_id text,
    failure_code   text,
    is_double      boolean NOT NULL DEFAULT false,
    ends_as        text CHECK (ends_as IN ('canceled', 'expired', 'failed', 'replaced')),
    is_reversing   boolean NOT NULL DEFAULT false,
    has_action     boolean NOT NULL DEFAULT false,
    routed_as      text CHECK (routed_as IN ('succeeded', 'failed', 'refused', 'unknown')),
    open_since     bigint NOT NULL,
    checks_count   integer NOT NULL DEFAULT 0,
    next_check_at  bigint,
    created_at     bigint NOT NULL,
    updated_at     bigint NOT NULL,
    version        integer NOT NULL,
    UNIQUE (payment_id, number)
);
-- The number comes first: it is also what people look for.
CREATE UNIQUE INDEX payment_attempts_by_transaction ON payment_attempts (transaction_id, channel, live)
    WHERE transaction_id IS NOT NULL;
CREATE INDEX payment_attempts_due ON payment_attempts (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX payment_attempts_by_hand ON payment_attempts (id)
    WHERE next_check_at IS NULL AND status IN ('created', 'submitted', 'unknown');
CREATE INDEX payment_attempts_lately ON payment_attempts (updated_at) WHERE routed_as IS NOT NULL;

CREATE TABLE refunds (
    id                 uuid PRIMARY KEY,
    payment_id         uuid NOT NULL,
    attempt_id         uuid,
    merchant_id        uuid NOT NULL,
    live               boolean NOT NULL,
    merchant_reference text NOT NULL,
    status             text NOT NULL CHECK (status IN ('pending', 'requires_action', 'succeeded', 'failed')),
    amount             bigint NOT NULL CHECK (amount > 0),
    currency           text NOT NULL,
    channel            text NOT NULL,
    reason             text NOT NULL,
    is_automatic       boolean NOT NULL,
    transaction_id     text,
    failure_code       text,
    checks_count       integer NOT NULL DEFAULT 0,
    next_check_at      bigint,
    created_at         bigint NOT NULL,
    updated_at         bigint NOT NULL,
    version            integer NOT NULL,
    UNIQUE (merchant_id, live, merchant_reference)
);
CREATE INDEX refunds_of_payment ON refunds (payment_id, id);
CREATE INDEX refunds_of_merchant ON refunds (merchant_id, live, id);
CREATE INDEX refunds_by_transaction ON refunds (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX refunds_due ON refunds (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX refunds_by_hand ON refunds (id) WHERE next_check_at IS NULL AND status IN ('pending', 'requires_action');

-- Stored value on its way out; the ledger's hold has the withdrawal's id. destination is a name, never an account number.
CREATE TABLE withdrawals (
    id                 uuid PRIMARY KEY,
    merchant_id        uuid NOT NULL,
    live               boolean NOT NULL,
    customer_id        uuid NOT NULL,
    merchant_reference text NOT NULL,
    status             text NOT NULL CHECK (status IN ('requested', 'canceled')),
    amount             bigint NOT NULL CHECK (amount > 0),
    currency           text NOT NULL,
    destination        text NOT NULL,
    created_at         bigint NOT NULL,
    updated_at         bigint NOT NULL,
    version            integer NOT NULL,
    UNIQUE (merchant_id, live, merchant_reference)
);
CREATE INDEX withdrawals_of_merchant ON withdrawals (merchant_id, live, id);

-- What one person asks for and another decides; nothing is done before. A row is also the record of who, when and why.
CREATE TABLE approvals (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('posting')),
    reference       text NOT NULL,
    payload         json NOT NULL,
    asked_by        uuid NOT NULL,
    asked_by_name   text NOT NULL,
    asked_at        bigint NOT NULL,
    expires_at      bigint NOT NULL,
    state           text NOT NULL CHECK (state IN ('asked', 'approved', 'refused', 'withdrawn')),
    decided_by      uuid,
    decided_by_name text,
    decided_at      bigint,
    note            text,
    version         integer NOT NULL,
    UNIQUE (kind, reference),
    CHECK ((state = 'asked') = (decided_by IS NULL)),
    CHECK (state <> 'approved' OR (decided_by <> asked_by AND lower(decided_by_name) <> lower(asked_by_name)))
);

-- What happened to a payment, for people: calls, replies, notifications, decisions and their reasons.
CREATE TABLE payment_timeline (
    sequence   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL,
    at         bigint NOT NULL,
    kind       text NOT NULL,
    detail     json NOT NULL
);
CREATE INDEX payment_timeline_of_payment ON payment_timeline (payment_id, sequence);

-- What was answered to a request that moves money, kept so that the same request is answered the same. Of those that
-- made a payment only what was confirmed through a channel at once is here: the answer of that.
-- The key comes first in the index: it alone tells nearly all rows apart.
CREATE TABLE idempotency_keys (
    merchant_id uuid NOT NULL,
    live        boolean NOT NULL,
    operation   text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    reply       json NOT NULL,
    created_at  bigint NOT NULL,
    PRIMARY KEY (key, merchant_id, live, operation)
);

-- The outbox: what happened, in the order it became durable. data is the resource as it was then.
-- One session at a time inserts, so it may draw its numbers a thousand at once; those left when it ends are gaps.
CREATE TABLE events (
    sequence    bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000) PRIMARY KEY,
    id          uuid NOT NULL,
    merchant_id uuid NOT NULL,
    live        boolean NOT NULL,
    type        text NOT NULL,
    resource_id uuid NOT NULL,
    data        json NOT NULL,
    created_at  bigint NOT NULL
);
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_of_merchant ON events (merchant_id, live, sequence);
CREATE INDEX events_of_resource ON events (resource_id, sequence);

-- Where a merchant wants to be told. Signing secrets are sealed; the one before stays good for a while after a change.
-- No event types: all of them. failing_since: the first failure after the last success.
CREATE TABLE webhook_endpoints (
    id              uuid PRIMARY KEY,
    merchant_id     uuid NOT NULL REFERENCES merchants (id),
    live            boolean NOT NULL,
    url             text NOT NULL,
    description     text NOT NULL,
    event_types     text[] NOT NULL,
    status          text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    disabled_reason text CHECK (disabled_reason IN ('by_merchant', 'gone', 'failing')),
    secret_sealed   bytea NOT NULL,
    previous_secret_sealed bytea,
    previous_secret_until  bigint,
    -- Events up to here have their deliveries; every endpoint reads the outbox at its own pace.
    last_sequence   bigint NOT NULL,
    failing_since   bigint,
    created_at      bigint NOT NULL,
    version         integer NOT NULL DEFAULT 1
);
CREATE INDEX webhook_endpoints_of_merchant ON webhook_endpoints (merchant_id, live, id);

-- next_try_at: when it is sent next; also how long a try under way keeps others off. NULL: nothing more is sent.
CREATE TABLE webhook_deliveries (
    endpoint_id     uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event_sequence  bigint NOT NULL,
    status          text NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
    tries_count     integer NOT NULL DEFAULT 0,
    next_try_at     bigint,
    last_status     integer,
    last_error      text,
    updated_at      bigint NOT NULL,
    PRIMARY KEY (endpoint_id, event_sequence),
    CHECK ((status = 'pending') = (next_try_at IS NOT NULL))
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_try_at, event_sequence)
    WHERE next_try_at IS NOT NULL;

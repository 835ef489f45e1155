-- The shop's tables with primary keys only, as the shops of the incident had them.
-- No generated ids, no defaults and no foreign keys: rows compare by value, and locks come from statements only.

CREATE TABLE orders (
    id          VARCHAR(127) NOT NULL PRIMARY KEY,
    status      VARCHAR(16)  NOT NULL, -- pending, paid, cancelled
    total_cents BIGINT       NOT NULL,
    currency    VARCHAR(3)   NOT NULL,
    receiver    VARCHAR(127) NOT NULL, -- the account that the buyer was told to pay
    paid_cents  BIGINT       NOT NULL,
    txn_id      VARCHAR(127) NOT NULL, -- the gateway's id of the payment that paid it, '' before
    version     BIGINT       NOT NULL
);

CREATE TABLE order_lines (
    order_id VARCHAR(127) NOT NULL,
    sku      VARCHAR(64)  NOT NULL,
    units    BIGINT       NOT NULL,
    PRIMARY KEY (order_id, sku)
);

CREATE TABLE stock (
    sku     VARCHAR(64) NOT NULL PRIMARY KEY,
    owned   BIGINT      NOT NULL, -- units that the shop ever had; owned - on_hand are gone
    on_hand BIGINT      NOT NULL
);

CREATE TABLE payments (
    provider     VARCHAR(32)  NOT NULL,
    txn_id       VARCHAR(127) NOT NULL,
    kind         VARCHAR(16)  NOT NULL, -- payment
    booked_by    VARCHAR(64)  NOT NULL, -- the request that wrote this row
    order_id     VARCHAR(127) NOT NULL,
    amount_cents BIGINT       NOT NULL,
    currency     VARCHAR(3)   NOT NULL,
    state        VARCHAR(16)  NOT NULL, -- booked, to refund
    PRIMARY KEY (provider, txn_id, kind, booked_by)
);

CREATE TABLE refunds (
    provider     VARCHAR(32)  NOT NULL,
    txn_id       VARCHAR(127) NOT NULL,
    requested_by VARCHAR(64)  NOT NULL,
    amount_cents BIGINT       NOT NULL,
    PRIMARY KEY (provider, txn_id, requested_by)
);

CREATE TABLE reviews ( -- notices that a person has to look at
    provider       VARCHAR(32)  NOT NULL,
    txn_id         VARCHAR(127) NOT NULL,
    payment_status VARCHAR(127) NOT NULL,
    order_id       VARCHAR(127) NOT NULL,
    amount_cents   BIGINT       NOT NULL,
    currency       VARCHAR(3)   NOT NULL,
    receiver       VARCHAR(127) NOT NULL,
    reason         VARCHAR(32)  NOT NULL,
    told           BIGINT       NOT NULL, -- how often it came
    PRIMARY KEY (provider, txn_id, payment_status, order_id, amount_cents, currency, receiver, reason)
);

CREATE TABLE outbox ( -- mails to hand to the mail server
    message_id VARCHAR(191) NOT NULL PRIMARY KEY,
    order_id   VARCHAR(127) NOT NULL
);

CREATE TABLE locks (
    name       VARCHAR(191) NOT NULL PRIMARY KEY,
    request_id VARCHAR(64)  NOT NULL,
    expires_ms BIGINT       NOT NULL -- by the clock of the web server that wrote it
);

CREATE TABLE leases (
    name       VARCHAR(191) NOT NULL PRIMARY KEY,
    request_id VARCHAR(64)  NOT NULL, -- who took it last
    until_ms   BIGINT       NOT NULL, -- by this database's clock; 0 when nobody has it
    fence      BIGINT       NOT NULL  -- only grows, so that rows are never deleted
);

CREATE TABLE jobs ( -- notices that wait for a worker
    id             VARCHAR(64)  NOT NULL PRIMARY KEY, -- the request that put it here
    provider       VARCHAR(32)  NOT NULL,
    txn_id         VARCHAR(127) NOT NULL,
    payment_status VARCHAR(127) NOT NULL,
    order_id       VARCHAR(127) NOT NULL,
    amount_cents   BIGINT       NOT NULL,
    currency       VARCHAR(3)   NOT NULL,
    receiver       VARCHAR(127) NOT NULL,
    state          VARCHAR(16)  NOT NULL, -- waiting, in progress, done
    claimed_by     VARCHAR(64)  NOT NULL, -- '' when nobody has it
    until_ms       BIGINT       NOT NULL, -- the end of the claim; 0 before the first
    fence          BIGINT       NOT NULL, -- how often it was claimed
    told           BIGINT       NOT NULL -- how often it came
);

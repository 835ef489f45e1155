-- What happens outside the shop's database, written beside it by whoever drives the requests.
-- No keys: the same mail or the same notice may come twice, and that has to be visible.

CREATE TABLE IF NOT EXISTS world_mails ( -- mails that the mail server has
    message_id VARCHAR(191) NOT NULL,
    order_id   VARCHAR(127) NOT NULL
);

CREATE TABLE IF NOT EXISTS world_taken ( -- money that the gateway took and told the shop of
    provider     VARCHAR(32)  NOT NULL,
    txn_id       VARCHAR(127) NOT NULL,
    order_id     VARCHAR(127) NOT NULL,
    amount_cents BIGINT       NOT NULL,
    currency     VARCHAR(3)   NOT NULL,
    receiver     VARCHAR(127) NOT NULL
);

CREATE TABLE IF NOT EXISTS world_holds ( -- who believed to be alone in which section
    section   VARCHAR(191) NOT NULL,
    actor     VARCHAR(64)  NOT NULL,
    from_step BIGINT       NOT NULL, -- the step that began it
    to_step   BIGINT                 -- the step that ended it, NULL when it lasted to the end
);

-- The directory of keys (e2ee.md, 5): one chain of entries that say whose key is whose. Users are plain numbers here:
-- after a restore the chain may know people whom no account is of.

ALTER TABLE accounts.instance
    -- The Ed25519 key that signs the heads of the chain; the first start makes it.
    ADD COLUMN dir_seed bytea CHECK (octet_length(dir_seed) = 32),
    -- After a restore the chain takes back what was lost and nothing new, until it is opened.
    ADD COLUMN dir_state text NOT NULL DEFAULT 'open' CHECK (dir_state IN ('open', 'closed', 'conflict'));

CREATE TABLE accounts.dir_entries (
    n bigint PRIMARY KEY CHECK (n > 0),
    user_id bigint NOT NULL,
    tag bytea NOT NULL CHECK (octet_length(tag) = 16),
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    -- The hash of the chain up to here.
    node bytea NOT NULL CHECK (octet_length(node) = 32),
    -- The entry and its signatures: NULL while a restore has lost them and nobody has brought them back.
    de bytea,
    sig_new bytea CHECK (octet_length(sig_new) = 64),
    sig_old bytea CHECK (octet_length(sig_old) = 64),
    CHECK ((de IS NULL) = (sig_new IS NULL) AND (de IS NOT NULL OR sig_old IS NULL))
);
CREATE INDEX dir_entries_user ON accounts.dir_entries (user_id, n);
CREATE INDEX dir_entries_tag ON accounts.dir_entries (tag);

-- The names behind the tags, as they were when the entries were made. The purge of an account erases them; a tag stays
-- its owner's for ever.
CREATE TABLE accounts.dir_names (
    tag bytea PRIMARY KEY CHECK (octet_length(tag) = 16),
    username text NOT NULL
);

-- A longer chain, signed by this server, that parts from ours: kept until an operator decides between the two. `rows`
-- are its positions from `parts_at` on, 56 bytes each.
CREATE TABLE accounts.dir_rival (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    parts_at bigint NOT NULL CHECK (parts_at > 0),
    n bigint NOT NULL CHECK (n >= parts_at),
    h bytea NOT NULL CHECK (octet_length(h) = 32),
    t bigint NOT NULL,
    rows bytea NOT NULL
);
CREATE TABLE accounts.dir_rival_entries (
    n bigint PRIMARY KEY,
    de bytea NOT NULL,
    sig_new bytea NOT NULL CHECK (octet_length(sig_new) = 64),
    sig_old bytea CHECK (octet_length(sig_old) = 64),
    username text
);

-- Chains that an operator has decided against, by the first position that is not ours and its hash. Whoever followed
-- one may show it again; it decides nothing any more.
CREATE TABLE accounts.dir_rejected (
    n bigint NOT NULL,
    h bytea NOT NULL CHECK (octet_length(h) = 32),
    PRIMARY KEY (n, h)
);

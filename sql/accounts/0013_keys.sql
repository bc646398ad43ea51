-- Keys of accounts (e2ee.md 12.1). The browser encrypts what is in them; the server knows their sizes only.

-- A password that waits may have been allowed by the recovery code, too.
ALTER TABLE accounts.auth_slots ADD COLUMN by_recovery boolean NOT NULL DEFAULT false;

CREATE TABLE accounts.keys (
    user_id bigint PRIMARY KEY REFERENCES accounts.users (id) ON DELETE CASCADE,
    -- Counts the account keys. `ak_password`, beside the password in `auth_slots`, has the same.
    ak_gen bigint NOT NULL CHECK (ak_gen > 0),
    -- The generation in the directory that the bundle ends with.
    generation bigint NOT NULL CHECK (generation > 0),
    bundle bytea NOT NULL,
    ak_recovery bytea,
    -- The SHA-256 of what proves possession of the recovery code.
    rauth_digest bytea CHECK (octet_length(rauth_digest) = 32),
    trust bytea,
    trust_rev bigint NOT NULL DEFAULT 0,
    -- A password was set without the keys: nothing that this account signs in with opens them.
    locked boolean NOT NULL DEFAULT false,
    CHECK ((ak_recovery IS NULL) = (rauth_digest IS NULL)),
    CHECK ((trust IS NULL) = (trust_rev = 0))
);

-- The version before, which the slot `previous` opens. Without a row here `previous` opens `keys`, if it has an
-- `ak_password`: the account is locked, or an administrator has ended its password.
CREATE TABLE accounts.keys_old (
    user_id bigint PRIMARY KEY REFERENCES accounts.users (id) ON DELETE CASCADE,
    ak_gen bigint NOT NULL CHECK (ak_gen > 0),
    generation bigint NOT NULL CHECK (generation > 0),
    bundle bytea NOT NULL,
    ak_recovery bytea,
    rauth_digest bytea CHECK (octet_length(rauth_digest) = 32),
    trust bytea,
    trust_rev bigint NOT NULL,
    -- When it stopped to count; thirty days later it is deleted.
    replaced_at bigint NOT NULL
);
CREATE INDEX keys_old_replaced ON accounts.keys_old (replaced_at);

-- Encrypted bytes do not compress.
ALTER TABLE accounts.keys ALTER COLUMN bundle SET STORAGE EXTERNAL, ALTER COLUMN trust SET STORAGE EXTERNAL;
ALTER TABLE accounts.keys_old ALTER COLUMN bundle SET STORAGE EXTERNAL, ALTER COLUMN trust SET STORAGE EXTERNAL;

-- Challenges that somebody may sign with the current key, once.
CREATE TABLE accounts.proofs (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    expires_at bigint NOT NULL
);
CREATE INDEX proofs_user ON accounts.proofs (user_id, expires_at);

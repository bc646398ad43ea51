-- Profiles with pictures, ways in (invites, tickets), and what administrators do.

ALTER TABLE accounts.users
    -- Removed users are shown as a neutral author; after thirty days the purge erases what is left.
    ADD COLUMN removed_at bigint,
    -- Whether what this user wrote goes with the account.
    ADD COLUMN erases_messages boolean NOT NULL DEFAULT false,
    ADD COLUMN purged_at bigint,
    -- The name of the present picture's files; the picture itself is in `avatars`.
    ADD COLUMN avatar text;

-- The administration lists newest first and finds by part of a name.
CREATE INDEX users_removed ON accounts.users (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX users_admins ON accounts.users (id) WHERE is_admin;

-- Re-encoded pictures, one row per size; `name` is random and never used twice, so its URL never changes content.
CREATE TABLE accounts.avatars (
    name text NOT NULL,
    size integer NOT NULL,
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    content_type text NOT NULL,
    data bytea NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (name, size)
);
CREATE INDEX avatars_user ON accounts.avatars (user_id);

-- A pending password is found by the digest of the secret that `prepare` answered.
ALTER TABLE accounts.auth_slots
    ADD COLUMN pending_digest bytea UNIQUE CHECK (octet_length(pending_digest) = 32),
    -- The ticket it was prepared with, if it was one.
    ADD COLUMN ticket_digest bytea;

-- One-time secrets by which a user sets a password. The secret itself is never stored.
CREATE TABLE accounts.tickets (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    -- NULL: the command line.
    issued_by bigint,
    -- Whether whoever knew the old password is to be thrown out.
    is_compromised boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX tickets_user ON accounts.tickets (user_id);

-- Links that let people in. `rooms` are plain numbers: this store knows nothing of them.
CREATE TABLE accounts.invites (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    made_by bigint NOT NULL REFERENCES accounts.users (id),
    label text NOT NULL DEFAULT '',
    rooms bigint[] NOT NULL DEFAULT '{}',
    created_at bigint NOT NULL,
    expires_at bigint,
    uses integer NOT NULL DEFAULT 0,
    uses_max integer CHECK (uses_max > 0),
    revoked_at bigint,
    CHECK (uses_max IS NULL OR uses <= uses_max)
);
CREATE INDEX invites_made_by ON accounts.invites (made_by, id);

-- What administrators chose while the server ran; what is not here is as the start-up settings say.
CREATE TABLE accounts.settings (
    key text PRIMARY KEY,
    value jsonb NOT NULL
);

-- Who did what to whom. Each row's hash covers the row and the hash before it, so nothing in the middle can be
-- changed or taken out without every later hash telling.
CREATE TABLE accounts.audit (
    n bigint PRIMARY KEY CHECK (n > 0),
    at bigint NOT NULL,
    actor bigint,
    actor_name text NOT NULL,
    action text NOT NULL,
    target_kind text NOT NULL,
    target_id text NOT NULL,
    target_name text NOT NULL,
    detail text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_actor ON accounts.audit (actor, n);
CREATE INDEX audit_target ON accounts.audit (target_kind, target_id, n);

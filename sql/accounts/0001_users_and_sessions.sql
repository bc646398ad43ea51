-- Who there is and how they prove it. Nothing here names a room or a message.

CREATE TABLE accounts.instance (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id bytea NOT NULL CHECK (octet_length(id) = 16),
    -- Makes the salts that unknown names get.
    salt_secret bytea NOT NULL CHECK (octet_length(salt_secret) = 32),
    created_at bigint NOT NULL
);

CREATE TABLE accounts.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    -- Lower case: two names that look the same are the same.
    username_key text NOT NULL UNIQUE,
    display_name text NOT NULL DEFAULT '',
    bio text NOT NULL DEFAULT '',
    locale text NOT NULL DEFAULT '',
    status_state text NOT NULL DEFAULT 'online',
    status_text text NOT NULL DEFAULT '',
    status_until bigint,
    is_admin boolean NOT NULL DEFAULT false,
    disabled_at bigint,
    -- Whether the chat store has taken this user into the default rooms.
    has_joined boolean NOT NULL DEFAULT false,
    created_at bigint NOT NULL
);

-- e2ee.md 12.1. `pending` and `previous` come with changing a password, `ak_password` with keys.
CREATE TABLE accounts.auth_slots (
    user_id bigint NOT NULL REFERENCES accounts.users (id),
    kind text NOT NULL CHECK (kind IN ('current', 'pending', 'previous')),
    kdf text NOT NULL,
    kdf_salt bytea NOT NULL CHECK (octet_length(kdf_salt) = 16),
    kdf_iterations integer NOT NULL,
    server_salt bytea NOT NULL CHECK (octet_length(server_salt) = 16),
    argon_memory_kib integer NOT NULL,
    argon_passes integer NOT NULL,
    argon_lanes integer NOT NULL,
    verifier bytea NOT NULL CHECK (octet_length(verifier) = 32),
    ak_password bytea,
    created_at bigint NOT NULL,
    expires_at bigint,
    PRIMARY KEY (user_id, kind)
);

-- Logins of browsers and personal access tokens: only the SHA-256 of the token is kept.
CREATE TABLE accounts.sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES accounts.users (id),
    kind text NOT NULL CHECK (kind IN ('browser', 'token')),
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    label text NOT NULL DEFAULT '',
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL
);

CREATE INDEX sessions_by_user ON accounts.sessions (user_id, kind);

-- Incoming hooks: each writes as a bot, which is a user who cannot sign in and is a member of one room. The room is a
-- plain number: this store knows nothing of rooms.
ALTER TABLE accounts.users ADD COLUMN is_bot boolean NOT NULL DEFAULT false;

CREATE TABLE accounts.hooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL UNIQUE REFERENCES accounts.users (id) ON DELETE CASCADE,
    room bigint NOT NULL,
    -- The SHA-256 of the secret in its address.
    digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    -- NULL: the command line.
    made_by bigint,
    created_at bigint NOT NULL,
    -- To the minute.
    used_at bigint
);
CREATE INDEX hooks_room ON accounts.hooks (room, id);

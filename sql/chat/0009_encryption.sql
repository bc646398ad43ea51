-- End-to-end encrypted rooms: their signed log, the keys of their members, and messages that the server took away.

-- An encrypted room has a log and no name: its name lies in the log, where the server cannot read it.
ALTER TABLE chat.rooms
    ALTER COLUMN name DROP NOT NULL,
    -- The room in the signatures: the hash of entry 0 of its log.
    ADD COLUMN rid bytea UNIQUE CHECK (octet_length(rid) = 32),
    -- The newest entry of the log, and its hash: an entry is appended to exactly this one.
    ADD COLUMN log_seq bigint,
    ADD COLUMN log_head bytea CHECK (octet_length(log_head) = 32),
    -- The number of the present key.
    ADD COLUMN epoch bigint,
    ADD CHECK ((name IS NULL) = e2ee),
    ADD CHECK (num_nonnulls(rid, log_seq, log_head, epoch) = CASE WHEN e2ee THEN 4 ELSE 0 END);

DROP INDEX chat.rooms_name;
CREATE UNIQUE INDEX rooms_name ON chat.rooms (lower(name)) WHERE deleted_at IS NULL AND kind <> 'dm' AND NOT e2ee;

CREATE TABLE chat.log (
    room_id bigint NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    seq     bigint NOT NULL,
    -- The room's `seq` of the change that appended it: its place among the messages.
    batch   bigint NOT NULL,
    at      bigint NOT NULL,
    entry   bytea  NOT NULL,
    sig     bytea  NOT NULL CHECK (octet_length(sig) = 64),
    hash    bytea  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (room_id, seq)
);
CREATE INDEX log_batch ON chat.log (room_id, batch);

-- What the log says of a member; together with `role` it can be made again from the log.
ALTER TABLE chat.members
    ADD COLUMN root bytea CHECK (octet_length(root) = 32),
    ADD COLUMN since_seq bigint,
    ADD COLUMN since_dn bigint,
    -- The key under which the member was last seen to write: what bounds the wraps that are kept.
    ADD COLUMN sent_epoch bigint NOT NULL DEFAULT 0;

-- The key of a room, encrypted for one member.
CREATE TABLE chat.epoch_wraps (
    room_id bigint NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    epoch   bigint NOT NULL,
    user_id bigint NOT NULL,
    gen     bigint NOT NULL,
    wrap    bytea  NOT NULL CHECK (octet_length(wrap) = 81),
    poster  bigint NOT NULL,
    PRIMARY KEY (room_id, epoch, user_id, gen)
);

-- Who posted one that did not open may not post another for the same key.
CREATE TABLE chat.bad_wraps (
    room_id bigint NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    epoch   bigint NOT NULL,
    user_id bigint NOT NULL,
    gen     bigint NOT NULL,
    poster  bigint NOT NULL,
    PRIMARY KEY (room_id, epoch, user_id, gen, poster)
);

-- The server took the content of an encrypted message away. A deletion that is signed keeps its envelope, which has
-- no content; every other deletion has nothing.
ALTER TABLE chat.messages
    ADD COLUMN gone text CHECK (gone IN ('account', 'retention', 'admin')),
    DROP CONSTRAINT messages_check,
    ADD CHECK (CASE WHEN body IS NULL THEN gone IS NOT NULL OR kind = 'del'
                    ELSE gone IS NULL AND (kind <> 'del' OR body ? 's') END);

-- When a restore began this epoch. For some days after it members may bring back what the backup did not have.
ALTER TABLE chat.instance ADD COLUMN restored_at bigint;

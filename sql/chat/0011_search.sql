-- The index of messages. It is made from the messages wherever it is missing, so no backup has it.

-- A row is for the messages of a room with eight neighbouring `created_seq`, from 8 * block on: one for each message
-- would take twice the space. Whether and where one of them matches is decided on its text. No foreign key: the check
-- would lock the room's row, which the journal changes with every commit.
CREATE TABLE chat.search (
    room_id  bigint NOT NULL,
    block    bigint NOT NULL,
    -- When its messages were created, from the first to the last.
    first_at bigint NOT NULL,
    last_at  bigint NOT NULL,
    -- What they are filed under; none since one of them was changed or erased, until they are filed again.
    keys     tsvector,
    PRIMARY KEY (room_id, block)
);

-- The list of what is not sorted in yet is read by every query, so it is short.
CREATE INDEX search_keys ON chat.search USING gin (keys) WITH (gin_pending_list_limit = 256);
CREATE INDEX search_times ON chat.search (room_id, last_at, block);
CREATE INDEX search_unfiled ON chat.search (room_id, block) WHERE keys IS NULL;

CREATE TABLE chat.search_rooms (
    room_id bigint PRIMARY KEY,
    -- The messages with a smaller `created_seq` are filed, as far as there is a row with keys.
    filed   bigint NOT NULL,
    -- They are being filed again, and have been up to here.
    again   bigint
);

-- Which rules made the keys: others begin with an empty index.
CREATE TABLE chat.search_rules (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL);

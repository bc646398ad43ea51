-- Files: who has uploaded them, what has arrived of them, and which message they are in. Their bytes are in a folder.
CREATE TABLE chat.files (
    -- Chosen by the server. The name in the folder follows from it.
    id          bytea  PRIMARY KEY CHECK (octet_length(id) = 16),
    owner       bigint NOT NULL,
    name        text   NOT NULL,
    -- As its owner says until it is complete; then as its bytes say.
    type        text   NOT NULL,
    size        bigint NOT NULL CHECK (size >= 0),
    -- How many bytes of it are on disk and stay there after a power cut.
    received    bigint NOT NULL DEFAULT 0 CHECK (received BETWEEN 0 AND size),
    -- A file in a message is `used`. Nothing is left of an `erasing` one but its bytes, and those for a moment only.
    state       text   NOT NULL DEFAULT 'arriving' CHECK (state IN ('arriving', 'complete', 'used', 'erasing')),
    width       integer,
    height      integer,
    -- Whether a picture keeps where and by which camera it was taken.
    keeps_metadata boolean NOT NULL DEFAULT false,
    sha256      bytea  CHECK (octet_length(sha256) = 32),
    -- The message, and what the files of a room are listed by: its `created_seq`, and the place in it at first.
    room_id     bigint,
    mid         bytea,
    created_seq bigint,
    place       integer,
    created_at  bigint NOT NULL,
    -- When something of it arrived last.
    touched_at  bigint NOT NULL,
    CHECK (num_nonnulls(room_id, mid, created_seq, place) IN (0, 4)),
    CHECK (state <> 'used' OR room_id IS NOT NULL),
    CHECK ((state IN ('arriving', 'erasing')) OR (received = size AND sha256 IS NOT NULL))
);

CREATE INDEX files_owner ON chat.files (owner) INCLUDE (size) WHERE state <> 'erasing';
CREATE INDEX files_room ON chat.files (room_id, created_seq, place) INCLUDE (size) WHERE state = 'used';
CREATE INDEX files_message ON chat.files (room_id, mid) WHERE room_id IS NOT NULL;
CREATE INDEX files_unused ON chat.files (state, touched_at) WHERE state <> 'used';

-- Which folder belongs to this database: the same mark is in the folder. The program fills in the row.
CREATE TABLE chat.file_store (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    mark bytea NOT NULL CHECK (octet_length(mark) = 16)
);

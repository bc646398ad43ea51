-- Rooms, their members and their messages. No table here knows the account store: a user is a number.

CREATE TABLE chat.rooms (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text    NOT NULL,
    topic       text    NOT NULL DEFAULT '',
    kind        text    NOT NULL CHECK (kind IN ('open', 'closed', 'dm')),
    e2ee        boolean NOT NULL DEFAULT false,
    is_default  boolean NOT NULL DEFAULT false,
    -- The two sides of a direct room, smaller id first, so that it is found and never doubled.
    dm_key      text UNIQUE,
    -- The change counter. The transaction that adds to it holds the row: the database is the sequencer.
    last_seq    bigint  NOT NULL DEFAULT 0,
    created_at  bigint  NOT NULL,
    deleted_at  bigint,
    CHECK ((kind = 'dm') = (dm_key IS NOT NULL))
) WITH (fillfactor = 50);  -- last_seq changes with every commit; room on the page keeps that update cheap

CREATE UNIQUE INDEX rooms_name ON chat.rooms (lower(name)) WHERE deleted_at IS NULL AND kind <> 'dm';

CREATE TABLE chat.members (
    room_id     bigint NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    user_id     bigint NOT NULL,
    role        text   NOT NULL CHECK (role IN ('member', 'admin', 'owner')),
    joined_at   bigint NOT NULL,
    read_seq    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id)
);

CREATE INDEX members_user ON chat.members (user_id);

-- One row per mid: the message as it is now. A reaction is a row too, so that one key makes every
-- send exactly-once.
CREATE TABLE chat.messages (
    room_id     bigint  NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    mid         bytea   NOT NULL CHECK (octet_length(mid) = 16),
    kind        text    NOT NULL CHECK (kind IN ('msg', 'del', 'react')),
    rev         integer NOT NULL DEFAULT 0,
    author      bigint  NOT NULL,
    created_seq bigint  NOT NULL,
    created_at  bigint  NOT NULL,
    seq         bigint  NOT NULL,
    at          bigint  NOT NULL,
    -- Which change made the present rev, and when: reactions move seq, but not these.
    rev_seq     bigint  NOT NULL,
    rev_at      bigint  NOT NULL,
    target      bytea,            -- a reaction's message
    body        jsonb,            -- {"t","re"?,"m"?,"f"?} of a message, {"e"} of a reaction
    PRIMARY KEY (room_id, mid),
    -- A deletion erases the content.
    CHECK ((kind = 'del') = (body IS NULL))
);

-- Resume reads by the last change, history by the creation; reactions are read with their message.
CREATE INDEX messages_seq ON chat.messages (room_id, seq) WHERE target IS NULL;
CREATE INDEX messages_created ON chat.messages (room_id, created_seq) WHERE target IS NULL;
CREATE INDEX messages_target ON chat.messages (room_id, target) WHERE kind = 'react';

-- What an earlier revision was acknowledged with, so that its repetition gets the same answer.
-- The digest tells a repetition from another content; it goes when the content is erased.
CREATE TABLE chat.superseded (
    room_id     bigint  NOT NULL,
    mid         bytea   NOT NULL,
    rev         integer NOT NULL,
    seq         bigint  NOT NULL,
    at          bigint  NOT NULL,
    digest      bytea,
    PRIMARY KEY (room_id, mid, rev),
    FOREIGN KEY (room_id, mid) REFERENCES chat.messages (room_id, mid) ON DELETE CASCADE
);

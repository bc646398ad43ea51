-- Rooms that are closed to writing, put away or restored; members with their own settings; who may not come back.

ALTER TABLE chat.rooms
    ADD COLUMN read_only boolean NOT NULL DEFAULT false,
    ADD COLUMN archived_at bigint,
    -- Who removed it: an owner may take that back.
    ADD COLUMN deleted_by bigint;

CREATE INDEX rooms_deleted ON chat.rooms (deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE chat.members
    ADD COLUMN favourite boolean NOT NULL DEFAULT false,
    ADD COLUMN notify text NOT NULL DEFAULT 'usual' CHECK (notify IN ('usual', 'all', 'mentions', 'none')),
    -- A moderator took this member's word until then.
    ADD COLUMN silenced_until bigint,
    -- The user's account was removed: no member, but one again if it is restored.
    ADD COLUMN suspended_at bigint;

CREATE TABLE chat.bans (
    room_id   bigint NOT NULL REFERENCES chat.rooms (id) ON DELETE CASCADE,
    user_id   bigint NOT NULL,
    banned_by bigint,
    banned_at bigint NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX bans_user ON chat.bans (user_id);

-- The author's account went and took its messages along: they read as deleted, but come back if the account does.
ALTER TABLE chat.messages ADD COLUMN is_hidden boolean NOT NULL DEFAULT false;
CREATE INDEX messages_author ON chat.messages (author, room_id) WHERE kind <> 'del';

-- Messages per day, for the overview: a handful of pages, and next to nothing per insert.
CREATE INDEX messages_days ON chat.messages USING brin (created_at);

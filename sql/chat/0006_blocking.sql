-- Who wants to hear nothing of whom. Read once at the start; the rooms ask their own copy.
CREATE TABLE chat.blocks (
    user_id    bigint NOT NULL,
    blocked_id bigint NOT NULL CHECK (blocked_id <> user_id),
    blocked_at bigint NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
);
-- A purge forgets an account on both sides.
CREATE INDEX blocks_blocked ON chat.blocks (blocked_id);

-- A direct room that a member has put out of sight, with what it had come to: a newer message shows it again.
ALTER TABLE chat.members ADD COLUMN hidden_seq bigint;

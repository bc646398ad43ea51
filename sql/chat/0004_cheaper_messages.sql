-- What a new message pays for. It has not been changed since it was created, so what was missed since a seq
-- is what was created since then, by the index there is, and what was changed since then: only changed
-- messages need an index of their own.
DROP INDEX chat.messages_seq;
CREATE INDEX messages_changed ON chat.messages (room_id, seq) WHERE target IS NULL AND seq <> created_seq;

-- What somebody wrote is always looked for room by room. The messages of a commit come room by room, too,
-- and so to neighbouring places of this index.
DROP INDEX chat.messages_author;
CREATE INDEX messages_author ON chat.messages (room_id, author) WHERE kind <> 'del';

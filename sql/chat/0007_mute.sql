-- What people call muting had another name here.
ALTER TABLE chat.members RENAME COLUMN silenced_until TO muted_until;

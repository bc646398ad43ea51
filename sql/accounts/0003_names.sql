-- What user names look like, computed by the program (Unicode's tables of confusable characters): as they are written,
-- and in small letters. No two users share one, whatever letters their names are made of. Rows for names from before
-- are made at the next start.
CREATE TABLE accounts.looks (
    look text PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE
);
CREATE INDEX looks_user ON accounts.looks (user_id);

-- The display name as it is searched: folded by the program, because lower() depends on the locale of the database.
ALTER TABLE accounts.users ADD COLUMN display_key text NOT NULL DEFAULT '';

-- What the names look like by which people are shown, computed by the program as in `looks`. Unlike user names several
-- may look the same; whoever is meant then is told by the user name beside it.
CREATE TABLE accounts.shown_looks (
    look text NOT NULL,
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    PRIMARY KEY (look, user_id)
);
CREATE INDEX shown_looks_user ON accounts.shown_looks (user_id);

ALTER TABLE accounts.users
    ADD COLUMN is_ambiguous boolean NOT NULL DEFAULT false,
    -- The names this was computed for, as `username/display name`; nothing for who is removed. What differs from the
    -- present names is computed anew.
    ADD COLUMN shown_for text;

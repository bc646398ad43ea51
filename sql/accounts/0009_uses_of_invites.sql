-- Who used which link, so that one person is counted once however often and at once the link is accepted.
CREATE TABLE accounts.invite_uses (
    invite_id bigint NOT NULL REFERENCES accounts.invites (id) ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES accounts.users (id) ON DELETE CASCADE,
    used_at bigint NOT NULL,
    PRIMARY KEY (invite_id, user_id)
);
CREATE INDEX invite_uses_user ON accounts.invite_uses (user_id);

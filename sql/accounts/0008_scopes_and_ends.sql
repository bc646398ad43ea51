-- What a session or a token may be used for, and when it ends for good. Tokens from before keep what they could do
-- and do not end; browsers end a year after they signed in.
ALTER TABLE accounts.sessions
    ADD COLUMN scope text NOT NULL DEFAULT 'write' CHECK (scope IN ('read', 'write', 'admin', 'full')),
    ADD COLUMN expires_at bigint;

UPDATE accounts.sessions SET scope = 'admin' WHERE kind = 'token';
UPDATE accounts.sessions SET scope = 'full', expires_at = created_at + 365 * 24 * 3600 * 1000::bigint
WHERE kind = 'browser';

CREATE INDEX sessions_expires ON accounts.sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX sessions_idle ON accounts.sessions (seen_at) WHERE kind = 'browser';

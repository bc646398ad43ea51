-- Since when numbers of users have been given without a jump. A restore jumps over those that may have been given
-- since then and were lost.
ALTER TABLE accounts.instance ADD COLUMN numbers_since bigint;
UPDATE accounts.instance SET numbers_since = created_at;
ALTER TABLE accounts.instance ALTER COLUMN numbers_since SET NOT NULL;

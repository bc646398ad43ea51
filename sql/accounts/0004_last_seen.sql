-- When somebody was here last: sessions tell it only as long as they live, and signing out ends them.
ALTER TABLE accounts.users ADD COLUMN seen_at bigint;

UPDATE accounts.users u
SET seen_at = (SELECT max(s.seen_at) FROM accounts.sessions s WHERE s.user_id = u.id AND s.kind = 'browser');

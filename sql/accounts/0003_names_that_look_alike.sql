-- What a user name looks like: no two names may look the same, whatever letters they are made of. Computed by the
-- program (Unicode's tables of confusable characters); rows from before are filled in at the next start.
ALTER TABLE accounts.users ADD COLUMN username_look text UNIQUE;

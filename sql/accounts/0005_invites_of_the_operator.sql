-- The command line makes links, too: NULL is whoever runs the server's machine.
ALTER TABLE accounts.invites ALTER COLUMN made_by DROP NOT NULL;

-- One row that the server changes now and then to see that a write commits (`/ready`).
CREATE TABLE accounts.write_probe (at bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO accounts.write_probe (at) VALUES (0);

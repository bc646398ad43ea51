-- One row that the server changes now and then to see that a write commits (`/ready`).
CREATE TABLE chat.write_probe (at bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO chat.write_probe (at) VALUES (0);

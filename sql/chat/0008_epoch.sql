-- Which history of the rooms this is. `seq` counts within one epoch: after a restore the database knows less than
-- some clients do, so it begins a new one, and they read afresh. The program fills in the row.
CREATE TABLE chat.instance (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bytea NOT NULL CHECK (octet_length(epoch) = 16),
    began_at bigint NOT NULL
);

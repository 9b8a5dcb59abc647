-- The calls to each provider, as nodes count them together. Always logged: what a crash forgot would be called
-- again.
CREATE TABLE {quotas} (
    name bytea PRIMARY KEY,
    version bytea NOT NULL,
    record bytea NOT NULL
) WITH (fillfactor = 20);

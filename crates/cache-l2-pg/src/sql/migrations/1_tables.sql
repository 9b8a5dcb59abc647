-- Entries and tombstones, which have no record. Of two for one key the later born is kept. `key` and `rest`
-- are the stored form of a key: see crates/cache-l2-pg/src/sql/key_bytes.rs. Indexed columns are coarse, so
-- that a row can be replaced without touching an index while its page has room: `minute` is the minute of
-- its death (2^26 microseconds), `size` the size of the row in units of 128 bytes.
CREATE {unlogged} TABLE {entries} (
    key bytea PRIMARY KEY,
    rest bytea,
    born bigint NOT NULL,
    dead_at bigint NOT NULL,
    record bytea,
    minute bigint NOT NULL GENERATED ALWAYS AS (dead_at >> 26) STORED,
    size integer NOT NULL GENERATED ALWAYS AS (
        (octet_length(key) + coalesce(octet_length(rest), 0) + coalesce(octet_length(record), 0) + 192) / 128
    ) STORED
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Records are compressed before they are sent, where that makes them smaller.
ALTER TABLE {entries} ALTER COLUMN record SET STORAGE EXTERNAL;

-- For sweeping, for eviction, and to add up sizes without reading the table.
CREATE INDEX {by_death} ON {entries} (minute) INCLUDE (size);

-- Numbers removals by pattern. By the last number nodes tell whether they know all patterns, so no number may
-- be given twice, not even after a crash: this sequence and the table of patterns are always logged, and the
-- first number is a moment, later than the numbers of tables that were dropped.
CREATE SEQUENCE {numbers} START WITH {moment};

-- Removals by pattern: until `dead_at`, no put is accepted that matches and was born at `born` or before.
CREATE TABLE {patterns} (
    id bigint PRIMARY KEY,
    glob bytea NOT NULL,
    born bigint NOT NULL,
    dead_at bigint NOT NULL
);

-- Blocks removals by pattern until the transaction ends, and returns whether `known` is the last number
-- given. A sequence is read as it is now, whatever the statement's snapshot, so a put that passes here has
-- missed no removal that ended before. Expressions, not queries, because this is part of every put.
CREATE FUNCTION {gate}(known bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF pg_advisory_xact_lock_shared({gate_lock}) IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN known = coalesce(pg_sequence_last_value('{numbers}'::regclass), 0);
END
$$;

-- Returns the last number given and all removals by pattern up to it; that number alone if there are none.
-- The second statement has its own snapshot, taken under the lock, while no removal is being added.
CREATE FUNCTION {known}()
RETURNS TABLE (latest bigint, glob bytea, born bigint, dead_at bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({gate_lock});
    RETURN QUERY
        SELECT coalesce(pg_sequence_last_value('{numbers}'::regclass), 0), noted.glob, noted.born, noted.dead_at
        FROM (VALUES (1)) AS one LEFT JOIN {patterns} AS noted ON true;
END
$$;

-- Adds a removal by pattern once no put is under way that doesn't know it. If there are then more than
-- `most`, it replaces all of them by one of all keys.
CREATE FUNCTION {note}(new_glob bytea, new_born bigint, new_dead_at bigint, now bigint, most integer)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    all_keys CONSTANT bytea := '\x2a';
    same record;
BEGIN
    PERFORM pg_advisory_xact_lock({gate_lock});
    DELETE FROM {patterns} WHERE dead_at <= now;
    SELECT max(born) AS born, max(dead_at) AS dead_at INTO same FROM {patterns} WHERE glob = new_glob;
    IF same.born >= new_born AND same.dead_at >= new_dead_at THEN
        RETURN;
    END IF;
    DELETE FROM {patterns} WHERE glob = new_glob;
    INSERT INTO {patterns} (id, glob, born, dead_at) VALUES (
        nextval('{numbers}'), new_glob, greatest(new_born, same.born), greatest(new_dead_at, same.dead_at)
    );
    IF (SELECT count(*) FROM {patterns}) > most THEN
        WITH gone AS (DELETE FROM {patterns} RETURNING born, dead_at)
        INSERT INTO {patterns} (id, glob, born, dead_at)
        SELECT nextval('{numbers}'), all_keys, max(born), max(dead_at) FROM gone;
    END IF;
END
$$;

-- Evicts a batch of entries, those first that die in an earlier minute, but no tombstones and none of the
-- cache's own, until the table has no more than `low` rows and bytes. Evicts nothing if it has no more than
-- `most` of either, or while another node evicts; then it returns nulls. `held` is what the table had
-- before.
CREATE FUNCTION {evict}(
    most_rows bigint, most_bytes bigint, low_rows bigint, low_bytes bigint,
    OUT evicted bigint, OUT held_rows bigint, OUT held_bytes bigint
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    evicted := 0;
    IF NOT pg_try_advisory_xact_lock({evict_lock}) THEN
        RETURN;
    END IF;
    SELECT count(*), 128 * coalesce(sum(size), 0) INTO held_rows, held_bytes FROM {entries};
    IF held_rows <= most_rows AND held_bytes <= most_bytes THEN
        RETURN;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT ctid, minute, size FROM {entries}
        WHERE record IS NOT NULL AND NOT (key >= '\x21' AND key < '\x22')
        ORDER BY minute LIMIT 1000 FOR UPDATE SKIP LOCKED
    ),
    ranked AS (
        SELECT ctid, row_number() OVER earlier AS rank, 128 * (sum(size) OVER earlier - size) AS before
        FROM page WINDOW earlier AS (ORDER BY minute ROWS UNBOUNDED PRECEDING)
    ),
    gone AS (
        DELETE FROM {entries} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ranked WHERE rank <= held_rows - low_rows OR before < held_bytes - low_bytes
        ))
        RETURNING 1
    )
    SELECT count(*) INTO evicted FROM gone;
END
$$;

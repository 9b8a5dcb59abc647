-- Entries and tombstones (those have no record). Of two for one key the later born is kept.
-- `key` and `rest` are a key as crates/cache-l2-pg/src/stored.rs stores it, `size` is the row's in bytes.
CREATE {unlogged} TABLE {entries} (
    key bytea PRIMARY KEY,
    rest bytea,
    born bigint NOT NULL,
    dead_at bigint NOT NULL,
    size integer NOT NULL,
    record bytea
);

-- Records are compressed where it helps before they come here.
ALTER TABLE {entries} ALTER COLUMN record SET STORAGE EXTERNAL;

-- Every put leaves a dead row behind.
ALTER TABLE {entries} SET (autovacuum_vacuum_scale_factor = 0.05);

-- For the sweeper, for eviction, and to add up sizes without reading the table.
CREATE INDEX {by_death} ON {entries} (dead_at) INCLUDE (size);

-- Removals by pattern: nothing born by then that matches is accepted until `dead_at`. Logged always:
-- a number must not be used twice, not even after a crash, since nodes tell by the greatest of them
-- whether they know all patterns.
CREATE TABLE {patterns} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    glob bytea NOT NULL,
    born bigint NOT NULL,
    dead_at bigint NOT NULL
);

-- Keeps removals by pattern out until the transaction ends, and says whether `known` is the greatest
-- number of a pattern. The second statement has a snapshot of its own, taken after the lock: so what
-- it sees can't change before the end of the transaction.
CREATE FUNCTION {gate}(known bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({gate_lock});
    RETURN known = coalesce((SELECT id FROM {patterns} ORDER BY id DESC LIMIT 1), 0);
END
$$;

-- Notes a removal by pattern once no put is under way that doesn't know it. In place of more than `most`
-- of them, one stands for all keys.
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
    INSERT INTO {patterns} (glob, born, dead_at)
    VALUES (new_glob, greatest(new_born, same.born), greatest(new_dead_at, same.dead_at));
    IF (SELECT count(*) FROM {patterns}) > most THEN
        WITH gone AS (DELETE FROM {patterns} RETURNING born, dead_at)
        INSERT INTO {patterns} (glob, born, dead_at) SELECT all_keys, max(born), max(dead_at) FROM gone;
    END IF;
END
$$;

-- Evicts a batch, those first that die first, but no tombstones and none of the cache's own, until the
-- table has no more than `low` of either. Does nothing while somebody else is at it, and then answers with
-- nulls; nor if it has no more than `most` of either. What it answers as held is from before.
CREATE FUNCTION {evict}(
    most_rows bigint, most_bytes bigint, low_rows bigint, low_bytes bigint,
    OUT evicted bigint, OUT held_rows bigint, OUT held_bytes bigint
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    evicted := 0;
    IF NOT pg_try_advisory_xact_lock({evict_lock}) THEN
        RETURN;
    END IF;
    SELECT count(*), coalesce(sum(size), 0) INTO held_rows, held_bytes FROM {entries};
    IF held_rows <= most_rows AND held_bytes <= most_bytes THEN
        RETURN;
    END IF;
    WITH page AS MATERIALIZED (
        SELECT ctid, dead_at, size FROM {entries}
        WHERE record IS NOT NULL AND NOT (key >= '\x21' AND key < '\x22')
        ORDER BY dead_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    ),
    ranked AS (
        SELECT ctid, row_number() OVER earlier AS rank, sum(size) OVER earlier - size AS before
        FROM page WINDOW earlier AS (ORDER BY dead_at ROWS UNBOUNDED PRECEDING)
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

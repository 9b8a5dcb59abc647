-- Until when a tombstone refuses that an entry replaced, or that was older than the entry. Should the entry be
-- removed meanwhile, the row becomes a tombstone again.
ALTER TABLE {entries} ADD COLUMN refused_until bigint;

-- As before, but for entries that replaced a tombstone which still refuses: those stay.
CREATE FUNCTION {evict}(
    most_rows bigint, most_bytes bigint, low_rows bigint, low_bytes bigint, now bigint,
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
        WHERE record IS NOT NULL AND NOT (key >= '\x21' AND key < '\x22') AND coalesce(refused_until <= now, true)
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

//! Every statement on the tables. Each is whole in itself: no transaction spans two.
//!
//! Rows are locked in the order of their keys wherever more than one is, so that no two statements wait
//! for each other.

use crate::sql::{Identifiers, Prepared};

/// How many rows a statement sweeps. Keep in step with its text.
pub(crate) const SWEEP_BATCH_ROWS: u64 = 1000;

/// Makes for each statement a type, by which it is cached, and a field with its text.
macro_rules! statements {
    ($($(#[$doc:meta])* $field:ident = $name:ident: $sql:expr;)+) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name;)+

        /// The texts of all statements on one table.
        #[derive(Debug)]
        pub(crate) struct Statements {
            $(pub(crate) $field: Prepared<$name>,)+
        }

        impl Statements {
            pub(crate) fn new(identifiers: &Identifiers) -> Self {
                Self { $($field: Prepared::new($sql, identifiers),)+ }
            }
        }
    };
}

statements! {
    /// Looks entries up. Takes keys.
    get = Get: "SELECT key, born, record FROM {entries} WHERE key = ANY (?) AND record IS NOT NULL";

    /// Looks up whatever is there: of a tombstone the record is null. Takes keys.
    get_with_tombstones = GetWithTombstones: "SELECT key, born, record FROM {entries} WHERE key = ANY (?)";

    /// Stores rows, if no removal by pattern was noted after the one of a number. Takes of the rows the keys,
    /// rests, births, deaths and records, and that number. Executed for how many rows were stored.
    put = Put: "INSERT INTO {entries} AS held (key, rest, born, dead_at, record)
        SELECT key, rest, born, dead_at, record
        FROM unnest(?, ?, ?, ?, ?) AS put (key, rest, born, dead_at, record)
        WHERE (SELECT {gate}(?))
        ON CONFLICT (key) DO UPDATE SET
            born = excluded.born, dead_at = excluded.dead_at, record = excluded.record
        WHERE held.born < excluded.born";

    /// Whether a number is the last of a removal by pattern.
    is_latest = IsLatest: "SELECT {gate}(?)";

    /// Buries keys. Takes the keys, the tombstone's birth, what is dead now, the keys and rests, birth and
    /// death. Answers how many entries went that were alive.
    put_tombstones = PutTombstones: "WITH gone AS MATERIALIZED (
            SELECT 1 FROM {entries} WHERE key = ANY (?) AND born <= ? AND dead_at > ? AND record IS NOT NULL
        ),
        buried AS (
            INSERT INTO {entries} AS held (key, rest, born, dead_at)
            SELECT key, rest, ?, ?
            FROM unnest(?, ?) AS put (key, rest)
            ON CONFLICT (key) DO UPDATE SET
                born = greatest(held.born, excluded.born),
                dead_at = CASE WHEN held.record IS NULL THEN greatest(held.dead_at, excluded.dead_at)
                    ELSE excluded.dead_at END,
                record = NULL
            WHERE held.born <= excluded.born OR held.record IS NULL
        )
        SELECT count(*) FROM gone";

    /// Notes a removal by pattern. Takes the glob, birth, death and what is dead now.
    add_pattern = AddPattern: "SELECT {note}(?, ?, ?, ?, 1024)";

    /// The last number of a removal by pattern, and those that are noted; with nulls if there are none.
    list_patterns = ListPatterns: "SELECT latest, glob, born, dead_at FROM {known}()";

    /// Where a page that begins at the first key ends, if before the second.
    page_end = PageEnd: "SELECT key FROM {entries} WHERE key >= ? AND key < ? ORDER BY key OFFSET 1000 LIMIT 1";

    /// The keys from the first to before the second of entries born by then that aren't the cache's own.
    list_range = ListRange: "SELECT key, rest FROM {entries}
        WHERE key >= ? AND key < ? AND born <= ? AND record IS NOT NULL
            AND NOT (key >= '\\x21' AND key < '\\x22')
        ORDER BY key";

    /// Removes what [`ListRange`] would answer. Takes the same, and what is dead now. Answers how many entries
    /// went that were alive.
    remove_range = RemoveRange: "WITH gone AS (
            DELETE FROM {entries} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {entries}
                WHERE key >= ? AND key < ? AND born <= ? AND record IS NOT NULL
                    AND NOT (key >= '\\x21' AND key < '\\x22')
                ORDER BY key FOR UPDATE
            ))
            RETURNING dead_at
        )
        SELECT count(*) FROM gone WHERE dead_at > ?";

    /// Removes entries born by then. Takes the keys, that moment, and what is dead now. Answers how many
    /// went that were alive.
    remove_keys = RemoveKeys: "WITH gone AS (
            DELETE FROM {entries} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {entries}
                WHERE key = ANY (?) AND born <= ? AND record IS NOT NULL
                ORDER BY key FOR UPDATE
            ))
            RETURNING dead_at
        )
        SELECT count(*) FROM gone WHERE dead_at > ?";

    /// Deletes a batch of what is dead by then, passing over what others have their hands on. Takes the minute
    /// and the moment. Answers how many went.
    sweep = Sweep: "WITH gone AS (
            DELETE FROM {entries} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {entries} WHERE minute <= ? AND dead_at <= ?
                ORDER BY minute LIMIT 1000 FOR UPDATE SKIP LOCKED
            ))
            RETURNING 1
        )
        SELECT count(*) FROM gone";

    /// Forgets removals by pattern that are dead by then.
    sweep_patterns = SweepPatterns: "WITH gone AS (DELETE FROM {patterns} WHERE dead_at <= ? RETURNING 1) SELECT count(*) FROM gone";

    /// Evicts a batch of entries. Takes the bounds of rows and bytes, and below what to go. Answers how many
    /// went, and how many rows and bytes there were before: nulls if somebody else is at it.
    evict = Evict: "SELECT evicted, held_rows, held_bytes FROM {evict}(?, ?, ?, ?)";

    /// Sends a frame. Takes the channel and the frame, both as bytes of text.
    notify = Notify: "SELECT pg_notify(convert_from(?, 'UTF8'), convert_from(?, 'UTF8'))";
}

//! Every statement on the tables. No transaction spans two of them.
//!
//! What counts removed values looks at the flags of their records, the fourth byte: 1 says that there is no value.
//!
//! A statement that locks several rows locks them in the order of their keys, so that no two statements
//! wait for each other.

use crate::sql::{Identifiers, Prepared};

/// How many rows a statement sweeps. The text of [`Sweep`] says the same.
pub(crate) const SWEEP_BATCH_ROWS: u64 = 1000;

/// Returns a statement that removes the rows which `condition` selects, but leaves a tombstone of those that
/// replaced one which still refuses. Its last two parameters are the present moment.
fn remove(condition: &str) -> String {
    format!(
        "WITH chosen AS MATERIALIZED (
            SELECT key, ctid, coalesce(refused_until > ?, false) AS buried,
                dead_at, get_byte(substr(record, 4, 1) || '\\x00', 0) & 1 AS absent
            FROM {{entries}} WHERE {condition} ORDER BY key FOR UPDATE
        ),
        buried AS (
            UPDATE {{entries}} SET dead_at = refused_until, record = NULL, refused_until = NULL
            WHERE ctid = ANY (ARRAY(SELECT ctid FROM chosen WHERE buried))
            RETURNING key
        ),
        removed AS (
            DELETE FROM {{entries}} WHERE ctid = ANY (ARRAY(SELECT ctid FROM chosen WHERE NOT buried))
            RETURNING key
        )
        SELECT count(*) FROM chosen WHERE dead_at > ? AND absent = 0
            AND key IN (SELECT key FROM removed UNION ALL SELECT key FROM buried)"
    )
}

/// Declares for each statement a type, by which connections cache it, and a field with its text.
macro_rules! statements {
    ($($(#[$doc:meta])* $field:ident = $name:ident: $sql:expr;)+) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name;)+

        /// All statements, with the identifiers of one table.
        #[derive(Debug)]
        pub(crate) struct Statements {
            $(pub(crate) $field: Prepared<$name>,)+
        }

        impl Statements {
            pub(crate) fn new(identifiers: &Identifiers) -> Self {
                Self { $($field: Prepared::new(&$sql, identifiers),)+ }
            }
        }
    };
}

statements! {
    /// Selects entries. Takes the keys.
    get = Get: "SELECT key, born, record FROM {entries} WHERE key = ANY (?) AND record IS NOT NULL";

    /// Selects entries and tombstones, whose record is null. Takes the keys.
    get_with_tombstones = GetWithTombstones: "SELECT key, born, record FROM {entries} WHERE key = ANY (?)";

    /// Stores rows, unless the given number is not that of the latest removal by pattern. Takes the rows'
    /// keys, rests, births, deaths and records, the number, and the keys again. Selects the keys of those that
    /// it didn't store.
    put = Put: "WITH stored AS (
        INSERT INTO {entries} AS held (key, rest, born, dead_at, record)
        SELECT key, rest, born, dead_at, record
        FROM unnest(?, ?, ?, ?, ?) AS put (key, rest, born, dead_at, record)
        WHERE (SELECT {gate}(?))
        ON CONFLICT (key) DO UPDATE SET
            born = excluded.born, dead_at = excluded.dead_at, record = excluded.record,
            refused_until = CASE WHEN held.record IS NULL THEN held.dead_at ELSE held.refused_until END
        WHERE held.born < excluded.born
        RETURNING key)
        SELECT key FROM unnest(?) AS put (key) WHERE key NOT IN (SELECT key FROM stored)";

    /// Selects whether a number is that of the latest removal by pattern.
    is_latest = IsLatest: "SELECT {gate}(?)";

    /// Replaces entries by tombstones. A newer entry stays, and keeps until when the tombstone would have
    /// refused, and so does a tombstone that takes the place of such an entry. Takes the keys, the tombstone's
    /// birth, the present moment, its birth and death, and the keys and rests. Selects how many live values that
    /// removed.
    put_tombstones = PutTombstones: "WITH removed AS MATERIALIZED (
            SELECT 1 FROM {entries} WHERE key = ANY (?) AND born <= ? AND dead_at > ? AND record IS NOT NULL
                AND get_byte(substr(record, 4, 1) || '\\x00', 0) & 1 = 0
        ),
        replaced AS (
            INSERT INTO {entries} AS held (key, rest, born, dead_at)
            SELECT key, rest, ?, ?
            FROM unnest(?, ?) AS put (key, rest)
            ON CONFLICT (key) DO UPDATE SET
                born = greatest(held.born, excluded.born),
                dead_at = CASE
                    WHEN held.record IS NULL THEN greatest(held.dead_at, excluded.dead_at)
                    WHEN held.born > excluded.born THEN held.dead_at
                    ELSE greatest(held.refused_until, excluded.dead_at) END,
                record = CASE WHEN held.born > excluded.born THEN held.record END,
                refused_until = CASE WHEN held.record IS NOT NULL AND held.born > excluded.born
                    THEN greatest(held.refused_until, excluded.dead_at) END
        )
        SELECT count(*) FROM removed";

    /// Adds a removal by pattern. Takes the glob, birth, death and the present moment.
    add_pattern = AddPattern: "SELECT {note}(?, ?, ?, ?, 1024)";

    /// Selects all removals by pattern, each with the latest number given to any; one row of that number and
    /// nulls if there are none.
    list_patterns = ListPatterns: "SELECT latest, glob, born, dead_at FROM {known}()";

    /// Selects the key at which a page ends that begins at the first key, if that is before the second. Takes the
    /// two keys and how many rows a page has.
    page_end = PageEnd: "SELECT key FROM {entries} WHERE key >= ? AND key < ? ORDER BY key OFFSET ? LIMIT 1";

    /// Selects the keys of entries, except the cache's own, from the first key up to and without the second.
    /// Takes the two keys, and the moment by which the entries were born.
    list_range = ListRange: "SELECT key, rest FROM {entries}
        WHERE key >= ? AND key < ? AND born <= ? AND record IS NOT NULL
            AND NOT (key >= '\\x21' AND key < '\\x22')
        ORDER BY key";

    /// Selects entries from the first key up to and without the second, except the cache's own: the key, birth,
    /// length of the record and its beginning. Takes the two keys and how many at most.
    list_heads = ListHeads: "SELECT key, rest, born, octet_length(record)::bigint, substr(record, 1, 1024)
        FROM {entries}
        WHERE key >= ? AND key < ? AND record IS NOT NULL AND NOT (key >= '\\x21' AND key < '\\x22')
        ORDER BY key LIMIT ?";

    /// Removes what [`ListRange`] selects. Takes the same, and twice the present moment. Selects how many live
    /// values that removed.
    remove_range = RemoveRange: remove("key >= ? AND key < ? AND born <= ? AND record IS NOT NULL
        AND NOT (key >= '\\x21' AND key < '\\x22')");

    /// Removes entries that were born by some moment. Takes the keys, that moment, and twice the present one.
    /// Selects how many live values that removed.
    remove_keys = RemoveKeys: remove("key = ANY (?) AND born <= ? AND record IS NOT NULL");

    /// Deletes a batch of rows that are dead at some moment, skipping locked rows. Takes the moment's minute
    /// and twice the moment. Selects how many it deleted.
    sweep = Sweep: "WITH removed AS (
            DELETE FROM {entries} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {entries}
                WHERE minute <= ? AND dead_at <= ? AND coalesce(refused_until <= ?, true)
                ORDER BY minute LIMIT 1000 FOR UPDATE SKIP LOCKED
            ))
            RETURNING 1
        )
        SELECT count(*) FROM removed";

    /// Deletes removals by pattern that are dead at some moment. Takes the moment. Selects how many it
    /// deleted.
    sweep_patterns = SweepPatterns: "WITH removed AS (DELETE FROM {patterns} WHERE dead_at <= ? RETURNING 1) SELECT count(*) FROM removed";

    /// Evicts a batch of entries. Takes the bounds on rows and bytes, down to how many of each to evict, and the
    /// present moment.
    /// Selects how many it evicted, and how many rows and bytes there were before: nulls while another node
    /// evicts.
    evict = Evict: "SELECT evicted, held_rows, held_bytes FROM {evict}(?, ?, ?, ?, ?)";

    /// Selects whether the server takes no writes, and its time in microseconds since 1970.
    role_and_time = RoleAndTime: "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

    /// Selects the server's time in microseconds since 1970, and the version and record of calls of a name: nulls
    /// if there is none. Takes the name.
    read_quota = ReadQuota: "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, version, record
        FROM (VALUES (1)) AS one LEFT JOIN {quotas} ON name = ?";

    /// Stores a record of calls where there is none. Takes the name, the version and the record. Selects the name
    /// if it did.
    insert_quota = InsertQuota: "INSERT INTO {quotas} (name, version, record) VALUES (?, ?, ?)
        ON CONFLICT (name) DO NOTHING RETURNING name";

    /// Replaces a record of calls that still has the version which was read. Takes the name, the new version, the
    /// record and the version that was read. Selects the name if it did.
    replace_quota = ReplaceQuota: "UPDATE {quotas} AS held SET version = put.version, record = put.record
        FROM (VALUES (?, ?, ?, ?)) AS put (name, version, record, expected)
        WHERE held.name = put.name AND held.version = put.expected
        RETURNING held.name";

    /// Publishes a message. Takes the channel and the message, both as bytes of text.
    notify = Notify: "SELECT pg_notify(convert_from(?, 'UTF8'), convert_from(?, 'UTF8'))";
}

//! Identifiers of tables and functions: checked, quoted, and put into statements.

use cache_core::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::xxh3_64;

/// PostgreSQL cuts identifiers off at 63 bytes; the longest suffix has 9.
const MAX_TABLE_BYTES: usize = 54;
const MAX_IDENTIFIER_BYTES: usize = 63;

/// The identifiers of a tier's tables, indexes and functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifiers {
    schema: String,
    table: String,
}

impl Identifiers {
    pub(crate) fn new(schema: &str, table: &str) -> Result<Self> {
        check_identifier("schema", schema, MAX_IDENTIFIER_BYTES)?;
        check_identifier("table", table, MAX_TABLE_BYTES)?;
        Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// Returns the table's identifier with a suffix, quoted and with its schema.
    pub(crate) fn qualified(&self, suffix: &str) -> String {
        format!("\"{}\".\"{}{suffix}\"", self.schema, self.table)
    }

    /// Returns the number of an advisory lock that belongs to this table.
    pub(crate) fn lock(&self, purpose: &str) -> i64 {
        advisory_lock_number(&format!("{purpose} {}.{}", self.schema, self.table))
    }

    /// Returns `sql` with identifiers in place of `{entries}` and the like.
    pub(crate) fn fill(&self, sql: &str) -> String {
        sql.replace("{schema}", &format!("\"{}\"", self.schema))
            .replace("{entries}", &self.qualified(""))
            .replace("{patterns}", &self.qualified("_patterns"))
            .replace("{quotas}", &self.qualified("_quotas"))
            .replace("{numbers}", &self.qualified("_numbers"))
            .replace("{known}", &self.qualified("_known"))
            .replace("{version}", &self.qualified("_version"))
            .replace("{gate}", &self.qualified("_gate"))
            .replace("{note}", &self.qualified("_note"))
            .replace("{evict}", &self.qualified("_evict"))
            .replace("{by_death}", &format!("\"{}_by_death\"", self.table))
            .replace("{gate_lock}", &self.lock("gate").to_string())
            .replace("{evict_lock}", &self.lock("evict").to_string())
    }
}

/// Returns a number for an advisory lock, the same on every node. All programs that lock in a database share
/// one space of numbers.
pub(crate) fn advisory_lock_number(what: &str) -> i64 {
    xxh3_64(format!("cache-l2-pg {what}").as_bytes()).cast_signed()
}

/// Checks that a name is a plain one. Statements quote it either way; a plain one need not be quoted by those
/// who type it.
pub(crate) fn check_identifier(what: &str, name: &str, limit: usize) -> Result<()> {
    let first = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let later = |byte: &u8| first(byte) || byte.is_ascii_digit();
    let well_formed =
        name.bytes().next().is_some_and(|byte| first(&byte)) && name.as_bytes().iter().all(later);
    if well_formed && name.len() <= limit {
        return Ok(());
    }
    let start: String = name.chars().take(limit + 1).collect();
    let message = format!(
        "the {what} {start:?} is no plain name: use a-z, 0-9 and _, not a digit first, at most {limit} characters"
    );
    Err(Error::new(ErrorKind::Config, "open", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_care_are_refused() {
        for name in ["", "Table", "1st", "a b", "a\"; DROP TABLE b; --", "a-b", "ä", &"x".repeat(55)] {
            let error = Identifiers::new("public", name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{name:?}");
        }
        assert!(Identifiers::new("_a1", &"x".repeat(54)).is_ok());
    }

    #[test]
    fn statements_get_quoted_names() {
        let identifiers = Identifiers::new("market", "cache").unwrap();
        let filled = identifiers.fill("SELECT FROM {entries}, {patterns} WHERE {gate}(1)");
        assert_eq!(
            filled,
            "SELECT FROM \"market\".\"cache\", \"market\".\"cache_patterns\" WHERE \"market\".\"cache_gate\"(1)"
        );
    }

    #[test]
    fn each_table_has_locks_of_its_own() {
        let (a, b) = (Identifiers::new("public", "a").unwrap(), Identifiers::new("public", "b").unwrap());
        let numbers = [a.lock("gate"), b.lock("gate"), a.lock("migrate"), b.lock("migrate")];
        assert!((0..4).all(|at| !numbers[..at].contains(&numbers[at])));
        assert_eq!(a.lock("gate"), Identifiers::new("public", "a").unwrap().lock("gate"));
    }
}

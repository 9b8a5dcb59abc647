//! Settings of the PostgreSQL tier, bus and lease.

use std::{path::PathBuf, time::Duration};

use cache_core::{Error, ErrorKind, Result};

use crate::{
    connection::{Connector, DatabaseUrl},
    sql::Identifiers,
};

/// Settings of a [`Postgres`](crate::Postgres).
///
/// `Debug` and errors show neither the password nor the URL.
///
/// ```
/// use std::time::Duration;
/// use cache_l2_pg::PgConfig;
///
/// let config = PgConfig::new("postgres://cache:secret@db.internal/market?sslmode=prefer")?
///     .table("cache_entries")
///     .max_rows(1_000_000)
///     .statement_timeout(Duration::from_secs(2));
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PgConfig {
    pub(crate) url: DatabaseUrl,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) pool_size: usize,
    pub(crate) wait_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) keepalive: Duration,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) logged: bool,
    pub(crate) max_rows: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) compress_above: usize,
    pub(crate) sweep_every: Duration,
    pub(crate) writes: Writes,
    pub(crate) name: &'static str,
}

/// When a put of a tier returns. Removals, and puts of the cache's own entries, return once the server has
/// them in either mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// Once the server has stored the entries.
    #[default]
    Through,
    /// Once the entries are queued in this process; a task writes the queue in batches. Of two puts of one
    /// key the later born is kept. Entries that don't fit the queue are written through.
    ///
    /// Reads of the same tier see queued entries, reads of other nodes don't. Entries that are queued when
    /// the process ends are lost, unless [`flush`](cache_core::Tier::flush) was waited for. An entry that
    /// can't be written within 10 s is lost too, since it could outlive a removal; that is counted, logged,
    /// and the error of the next flush.
    Behind {
        /// How many entries may be queued.
        rows: usize,
        /// How many bytes of sealed entries may be queued.
        bytes: usize,
    },
}

impl Writes {
    /// Write-behind with a queue of at most 10,000 entries and 64 MiB.
    pub const BEHIND: Self = Self::Behind { rows: 10_000, bytes: 64 << 20 };
}

impl TryFrom<&str> for PgConfig {
    type Error = Error;

    /// As [`PgConfig::new`].
    fn try_from(url: &str) -> Result<Self> {
        Self::new(url)
    }
}

impl TryFrom<&String> for PgConfig {
    type Error = Error;

    /// As [`PgConfig::new`].
    fn try_from(url: &String) -> Result<Self> {
        Self::new(url)
    }
}

impl PgConfig {
    /// The database at a URL, `postgres://user:password@host:5432/database` with special characters
    /// percent-encoded, and everything else at its default. For a Unix socket the host is its directory,
    /// as in `%2Fvar%2Frun%2Fpostgresql`.
    ///
    /// The URL may have an `sslmode`, with libpq's meaning: `disable`; `prefer` (the default: encrypted if
    /// the server can, certificate unchecked); `require` (encrypted, certificate unchecked, or checked as
    /// by `verify-ca` if a CA file is given); `verify-ca` (the CA issued the certificate); `verify-full`
    /// (the CA issued it for this host). It may also have an `sslrootcert`, the path of a PEM file with the
    /// certificates of such CAs. All of this but `disable` and `prefer` needs the feature `tls`, and without
    /// it `prefer` is not encrypted either.
    ///
    /// # Errors
    ///
    /// `Config` if the text is no such URL, or asks for TLS and the feature is off; the error does not repeat
    /// the URL.
    pub fn new(url: &str) -> Result<Self> {
        let (url, ca_file) = DatabaseUrl::parse(url)?;
        Ok(Self {
            url,
            ca_file,
            pool_size: 8,
            wait_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            keepalive: Duration::from_secs(10),
            schema: "public".to_owned(),
            table: "cache_entries".to_owned(),
            logged: true,
            max_rows: None,
            max_bytes: None,
            compress_above: 1 << 10,
            sweep_every: Duration::from_secs(60),
            writes: Writes::Through,
            name: "postgres",
        })
    }

    /// Sets the password, in place of the URL's.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.url.set_password(password);
        self
    }

    /// How many connections the tier and the bus share. Default 8. Each listener and each lease opens one
    /// more for itself.
    #[must_use]
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections;
        self
    }

    /// How long a call waits for a connection of the pool. Default 2 s.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// How long opening a connection may take. Default 2 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may work on one statement. Default 5 s. Half a second later the call fails with
    /// `Timeout`, even if the server stays silent.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// After how long a silence a listener asks the server whether the connection is alive. Default 10 s.
    #[must_use]
    pub fn keepalive(mut self, interval: Duration) -> Self {
        self.keepalive = interval;
        self
    }

    /// The schema of the tables, created if it is missing. Default `public`.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        schema.clone_into(&mut self.schema);
        self
    }

    /// The table of entries, created if it is missing. Default `cache_entries`. The names of all other
    /// tables and functions begin with it.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        table.clone_into(&mut self.table);
        self
    }

    /// Makes the table unlogged: faster to write, empty after a crash of the server, and on none of its
    /// replicas. The first connection rewrites a logged table, and without this setting an unlogged one,
    /// under a lock.
    #[must_use]
    pub fn unlogged(mut self) -> Self {
        self.logged = false;
        self
    }

    /// How many rows, entries and tombstones, the table may have. No bound by default. Past it entries are
    /// evicted, those first that die in an earlier minute, never the cache's own. The janitor keeps the
    /// bound in the background, so the table may exceed it for a moment.
    #[must_use]
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// How many bytes the rows of the table may have, each rounded up to 128; kept as
    /// [`PgConfig::max_rows`] is. On disk they take up to twice as much: PostgreSQL uses freed space again
    /// and does not give it back.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Values longer than this many bytes are compressed, where that makes them smaller. Default 1 KiB;
    /// `usize::MAX` for never.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// How often the janitor sweeps what is dead and evicts past the bounds, in real time. Default 60 s.
    #[must_use]
    pub fn sweep_every(mut self, interval: Duration) -> Self {
        self.sweep_every = interval;
        self
    }

    /// When a put returns. Default once the server has it.
    #[must_use]
    pub fn writes(mut self, writes: Writes) -> Self {
        self.writes = writes;
        self
    }

    /// The tier's name in statistics. Default `postgres`.
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Checks all that can be checked without a server, as [`Postgres::new`](crate::Postgres::new) does.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, a schema or table that is no plain name, or a CA file that can't be
    /// read.
    pub fn check(&self) -> Result<()> {
        self.validate()?;
        Connector::new(self).map(drop)
    }

    /// Checks what can be checked without a server, and returns the tables' names.
    pub(crate) fn validate(&self) -> Result<Identifiers> {
        let refuse = |message: &str| Err(Error::new(ErrorKind::Config, "open", message));
        if self.pool_size == 0 {
            return refuse("pool_size is 0: set at least 1");
        }
        if self.max_rows == Some(0) || self.max_bytes == Some(0) {
            return refuse(
                "max_rows or max_bytes is 0, which leaves no room for entries: raise it, or leave it out",
            );
        }
        let durations = [
            ("wait_timeout", self.wait_timeout),
            ("connect_timeout", self.connect_timeout),
            ("statement_timeout", self.statement_timeout),
            ("keepalive", self.keepalive),
            ("sweep_every", self.sweep_every),
        ];
        if let Some((name, _)) = durations.iter().find(|(_, duration)| duration.as_millis() == 0) {
            return refuse(&format!("{name} is zero: set at least 1 ms"));
        }
        if let Writes::Behind { rows: 0, .. } | Writes::Behind { bytes: 0, .. } = self.writes {
            return refuse(
                "the write-behind queue has room for 0 rows or bytes: raise both, or use Writes::Through",
            );
        }
        Identifiers::new(&self.schema, &self.table)
    }
}

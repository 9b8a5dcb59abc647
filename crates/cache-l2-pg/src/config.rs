//! What a PostgreSQL tier, bus and lease can be told.

use std::{path::PathBuf, time::Duration};

use cache_core::{Error, ErrorKind, Result};

use crate::{connection::DatabaseUrl, sql::Identifiers};

/// Settings of a [`Postgres`](crate::Postgres).
///
/// `Debug` and errors show neither the password nor the URL.
///
/// ```
/// use std::time::Duration;
/// use cache_l2_pg::PgConfig;
///
/// let config = PgConfig::new("postgres://cache:secret@db.internal/market?sslmode=verify-full")?
///     .ca_file("/etc/ssl/private-ca.pem")
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

/// When a put of a tier is answered. Removals, and puts of the cache's own entries, are always written first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// Once the server has it.
    #[default]
    Through,
    /// Once it is queued in this process; a task writes what is queued, in batches. Of two puts of one
    /// key the later born is kept. What doesn't fit the queue is written through.
    ///
    /// Reads of the same tier see what is queued, those of other nodes don't. What is queued when the
    /// process ends is lost, unless [`flush`](cache_core::Tier::flush) was waited for. So is what can't be
    /// written within 10 s, lest it outlive a removal; that is counted, logged, and the next flush's error.
    Behind {
        /// How many entries may be queued.
        rows: usize,
        /// How many bytes of sealed entries may be queued.
        bytes: usize,
    },
}

impl Writes {
    /// Behind, with 10,000 entries or 64 MiB at most.
    pub const BEHIND: Self = Self::Behind { rows: 10_000, bytes: 64 << 20 };
}

impl PgConfig {
    /// A database, by its URL: `postgres://user:password@host:5432/database`, special characters
    /// percent-encoded, and everything else at its default. A socket's directory stands for the host as
    /// `%2Fvar%2Frun%2Fpostgresql`.
    ///
    /// The URL may say `sslmode`, with libpq's meaning: `disable`; `prefer` (the default: encrypted if
    /// the server can, whoever it is); `require` (encrypted, whoever it is, or checked as by `verify-ca`
    /// if a CA file is given); `verify-ca` (by a certificate of that CA); `verify-full` (of that CA and
    /// for that host). And `sslrootcert`, as [`PgConfig::ca_file`].
    ///
    /// # Errors
    ///
    /// `Config` for a text that can't be read as such; it is not repeated in the error.
    pub fn new(url: &str) -> Result<Self> {
        let (url, ca_file) = DatabaseUrl::read(url)?;
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

    /// The password, in place of the URL's.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.url.set_password(password);
        self
    }

    /// A file of PEM certificates: those of the authorities that may vouch for the server.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// How many connections the tier and the bus share. Default 8. Each listener and each lease has one
    /// more of its own.
    #[must_use]
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections;
        self
    }

    /// How long a call waits for one of them. Default 2 s.
    #[must_use]
    pub fn wait_timeout(mut self, span: Duration) -> Self {
        self.wait_timeout = span;
        self
    }

    /// How long opening a connection may take. Default 2 s.
    #[must_use]
    pub fn connect_timeout(mut self, span: Duration) -> Self {
        self.connect_timeout = span;
        self
    }

    /// How long the server may work on one statement. Default 5 s. A call gives up half a second later,
    /// whether or not the server answers.
    #[must_use]
    pub fn statement_timeout(mut self, span: Duration) -> Self {
        self.statement_timeout = span;
        self
    }

    /// How often a connection that only listens is asked whether it is alive. Default 10 s.
    #[must_use]
    pub fn keepalive(mut self, span: Duration) -> Self {
        self.keepalive = span;
        self
    }

    /// The schema of the tables, made if it is missing. Default `public`.
    #[must_use]
    pub fn schema(mut self, schema: &str) -> Self {
        schema.clone_into(&mut self.schema);
        self
    }

    /// The table of entries, made if it is missing. Default `cache_entries`. What else is needed takes
    /// its name from it.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        table.clone_into(&mut self.table);
        self
    }

    /// An unlogged table: written without a log, empty after a crash of the server, and on none of its
    /// replicas. A table of the other sort is rewritten, under lock, when this is first connected with.
    #[must_use]
    pub fn unlogged(mut self) -> Self {
        self.logged = false;
        self
    }

    /// How many rows the table may have: entries and tombstones. Default without a bound. Past it entries
    /// are evicted, those first that die in an earlier minute, never the cache's own. It is looked after in
    /// the background, so it may be passed for a moment.
    #[must_use]
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// How many bytes its rows may have, as [`PgConfig::max_rows`], each rounded up to 128. On disk they take
    /// up to twice as much: space that was freed is used again, not given back.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Values longer than this many bytes are compressed where it helps. Default 1 KiB; `usize::MAX` for
    /// never.
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// How often what is dead is swept and the bounds are looked after, in real time. Default 60 s.
    #[must_use]
    pub fn sweep_every(mut self, span: Duration) -> Self {
        self.sweep_every = span;
        self
    }

    /// When a put is answered. Default once the server has it.
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

    /// Checks what can be checked without a server.
    pub(crate) fn validate(&self) -> Result<Identifiers> {
        let refuse = |message: &str| Err(Error::new(ErrorKind::Config, "open", message));
        if self.pool_size == 0 {
            return refuse("pool_size is 0, the least is 1");
        }
        if self.max_rows == Some(0) || self.max_bytes == Some(0) {
            return refuse(
                "a bound of 0 leaves no room: give max_rows and max_bytes some, or leave them out",
            );
        }
        let spans = [
            ("wait_timeout", self.wait_timeout),
            ("connect_timeout", self.connect_timeout),
            ("statement_timeout", self.statement_timeout),
            ("keepalive", self.keepalive),
            ("sweep_every", self.sweep_every),
        ];
        if let Some((name, _)) = spans.iter().find(|(_, span)| span.as_millis() == 0) {
            return refuse(&format!("{name} is zero, the least is 1 ms"));
        }
        if let Writes::Behind { rows: 0, .. } | Writes::Behind { bytes: 0, .. } = self.writes {
            return refuse("a queue for writing behind needs room: give it rows and bytes, or write through");
        }
        Identifiers::new(&self.schema, &self.table)
    }
}

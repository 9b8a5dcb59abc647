//! One database of a cache: what its tiers, buses and leases share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cache_core::{Clock, Error, ErrorKind, Result};
use tokio::sync::Mutex;

use crate::{
    PgBus, PgConfig, PgLease, PgTier,
    connection::{Connector, Pool, Row},
    sql::{Bound, Identifiers, Statements, migrate},
    tier::{KnownPatterns, PatternCache},
};

/// A database, its pool of connections, and one table of entries in it. Clones share them.
///
/// ```no_run
/// # async fn example() -> cache_core::Result<()> {
/// use cache_core::Clock;
/// use cache_l2_pg::{PgConfig, Postgres};
///
/// let config = PgConfig::new("postgres://cache:secret@localhost/market")?;
/// let postgres = Postgres::connect(config, Clock::system()).await?;
/// let (tier, bus, lease) = (postgres.tier(), postgres.bus("cache")?, postgres.lease());
/// # Ok(())
/// # }
/// ```
///
/// Needs a tokio runtime with I/O and time enabled, and PostgreSQL 14 or later, spoken to directly: a
/// pooler that hands one session to many clients would take prepared statements and locks apart.
#[derive(Clone)]
pub struct Postgres(Arc<Context>);

pub(crate) struct Context {
    pub(crate) config: PgConfig,
    pub(crate) clock: Clock,
    pub(crate) identifiers: Identifiers,
    pub(crate) statements: Statements,
    pub(crate) connector: Connector,
    pool: Pool,
    pattern_cache: PatternCache,
    /// The tables are known to be there.
    tables_ready: AtomicBool,
    /// How many attempts to make them failed, and why the last one did.
    failed_attempts: AtomicU64,
    last_failure: Mutex<Option<Error>>,
}

impl Postgres {
    /// Prepares to connect, without doing so. The tables are made when a call first reaches the server;
    /// until then calls fail with `Unavailable` or `Timeout`.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, a name that is no plain name, or a CA file that can't be read.
    pub fn new(config: PgConfig, clock: Clock) -> Result<Self> {
        let identifiers = config.validate()?;
        let connector = Connector::new(&config)?;
        Ok(Self(Arc::new(Context {
            pool: Pool::new(&config, connector.clone())?,
            statements: Statements::new(&identifiers),
            config,
            clock,
            identifiers,
            connector,
            pattern_cache: PatternCache::default(),
            tables_ready: AtomicBool::new(false),
            failed_attempts: AtomicU64::new(0),
            last_failure: Mutex::new(None),
        })))
    }

    /// Connects, and makes the tables if they are missing.
    ///
    /// # Errors
    ///
    /// As [`Postgres::new`], and if the server can't be reached, or doesn't grant what is needed.
    pub async fn connect(config: PgConfig, clock: Clock) -> Result<Self> {
        let postgres = Self::new(config, clock)?;
        postgres.0.ensure_tables().await?;
        Ok(postgres)
    }

    /// A tier on the table, with a task that keeps it. Its clones share queue and task; call this once.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn tier(&self) -> PgTier {
        PgTier::new(self.0.clone())
    }

    /// A bus by LISTEN and NOTIFY. Needs no table.
    ///
    /// # Errors
    ///
    /// `Config` for a channel that is no plain name: a-z, 0-9 and `_`, not a digit first, at most 63.
    pub fn bus(&self, channel: &str) -> Result<PgBus> {
        PgBus::new(self.0.clone(), channel)
    }

    /// A lease by advisory locks. Needs no table. Its clones share one connection; call this once.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn lease(&self) -> PgLease {
        PgLease::new(self.0.clone())
    }

    /// How many connections the pool has open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.pool.size()
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.config).finish()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Context {
    /// Runs a statement on the tables.
    pub(crate) async fn run<S: 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        call: Bound<'_, S>,
    ) -> Result<Vec<Row>> {
        self.ensure_tables().await?;
        self.pool.run(operation, call).await
    }

    /// Runs a statement on the tables for the number of rows that it changed.
    pub(crate) async fn execute<S: 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        call: Bound<'_, S>,
    ) -> Result<u64> {
        self.ensure_tables().await?;
        self.pool.execute(operation, call).await
    }

    /// Runs a statement that needs no tables.
    pub(crate) async fn run_without_tables<S: 'static>(
        &self,
        operation: &'static str,
        call: Bound<'_, S>,
    ) -> Result<Vec<Row>> {
        self.pool.run(operation, call).await
    }

    /// Makes the tables, if that was not done yet.
    async fn ensure_tables(self: &Arc<Self>) -> Result<()> {
        if self.tables_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        // In a task of its own: callers may give up long before a table is rewritten.
        let context = self.clone();
        let attempt = tokio::spawn(async move { context.migrate_once().await });
        attempt.await.unwrap_or_else(|error| {
            Err(Error::caused(ErrorKind::Unavailable, "migrate", "the attempt did not finish", error))
        })
    }

    /// One tries at a time; who waited for one that failed fails with it, so that nobody waits for more
    /// than one attempt that began before and one of his own.
    async fn migrate_once(&self) -> Result<()> {
        let before = self.failed_attempts.load(Ordering::Acquire);
        let mut last_failure = self.last_failure.lock().await;
        if self.tables_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(error) =
            last_failure.as_ref().filter(|_| self.failed_attempts.load(Ordering::Acquire) > before)
        {
            return Err(error.clone());
        }
        let now = self.clock.now();
        let outcome = migrate(&self.connector, &self.identifiers, self.config.logged, now).await;
        *last_failure = outcome.as_ref().err().cloned();
        match &outcome {
            Ok(()) => self.tables_ready.store(true, Ordering::Release),
            Err(_) => {
                self.failed_attempts.fetch_add(1, Ordering::AcqRel);
            }
        }
        outcome
    }

    /// Has the tables looked after before the next statement: they may have been dropped.
    pub(crate) fn recheck_tables(&self) {
        self.tables_ready.store(false, Ordering::Release);
    }

    /// The removals by pattern known here.
    pub(crate) fn known_patterns(&self) -> Arc<KnownPatterns> {
        self.pattern_cache.known()
    }

    /// Reads all removals by pattern.
    pub(crate) async fn reload_patterns(
        self: &Arc<Self>,
        operation: &'static str,
    ) -> Result<Arc<KnownPatterns>> {
        self.pattern_cache.replace(&self.run(operation, self.statements.list_patterns.with(&[])).await?)
    }
}

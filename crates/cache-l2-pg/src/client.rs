//! The client of one database, which its tiers, buses and leases share.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::{Clock, Error, ErrorKind, Result};
use tokio::sync::{Mutex, watch};

use crate::{
    PgBus, PgConfig, PgLease, PgQuota, PgTier,
    connection::{Connector, Pool, PooledRow},
    sql::{Bound, Identifiers, Statements, migrate},
    tier::{KnownPatterns, PatternCache},
};

/// One database, its pool of connections, and one table of entries in it. Clones share them.
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
/// Needs a tokio runtime with I/O and time enabled, any at a time: when one ends, calls from the next open the
/// connections anew. Needs PostgreSQL 14 or later, and must connect to the server itself: behind a pooler that
/// hands one session to many clients, prepared statements and locks would get lost.
#[derive(Clone)]
pub struct Postgres(Arc<Context>);

/// What tiers, buses and leases reach the database by.
pub(crate) struct Context {
    pub(crate) config: PgConfig,
    pub(crate) clock: Clock,
    pub(crate) identifiers: Identifiers,
    pub(crate) statements: Statements,
    pub(crate) connector: Connector,
    pool: Pool,
    pattern_cache: PatternCache,
    /// Since which renewal of the connections, counted from 1, the tables are known to be there; else 0.
    tables_ready: AtomicU64,
    /// How many attempts to create them failed, and why the last one did.
    failed_attempts: AtomicU64,
    last_failure: Mutex<Option<Error>>,
}

impl Postgres {
    /// Prepares to connect, and does not connect yet. The first call that reaches the server creates the
    /// tables; until then calls fail with `Unavailable` or `Timeout`.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, a schema or table that is no plain name, or a CA file that can't
    /// be read.
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
            tables_ready: AtomicU64::new(0),
            failed_attempts: AtomicU64::new(0),
            last_failure: Mutex::new(None),
        })))
    }

    /// Connects, and creates the tables if they are missing.
    ///
    /// # Errors
    ///
    /// As [`Postgres::new`]; `Unavailable` or `Timeout` if the server can't be reached, and `Config` if it
    /// refuses the user or the rights that are needed.
    pub async fn connect(config: PgConfig, clock: Clock) -> Result<Self> {
        let postgres = Self::new(config, clock)?;
        postgres.0.ensure_tables().await?;
        // Before anything is born, so that nothing is born by a clock that is wrong.
        postgres.0.check_role().await?;
        Ok(postgres)
    }

    /// Returns a tier on the table and starts its janitor, outside a runtime with the tier's first call. Call this
    /// once: clones of the tier share queue and janitor.
    #[must_use]
    pub fn tier(&self) -> PgTier {
        PgTier::new(self.0.clone())
    }

    /// Returns a bus by LISTEN and NOTIFY, which needs no table.
    ///
    /// # Errors
    ///
    /// `Config` for a channel that is no plain name: a-z, 0-9 and `_`, not a digit first, at most 63.
    pub fn bus(&self, channel: &str) -> Result<PgBus> {
        PgBus::new(self.0.clone(), channel)
    }

    /// Returns a lease by advisory locks, which needs no table. Call this once: clones of the lease share one
    /// connection.
    #[must_use]
    pub fn lease(&self) -> PgLease {
        PgLease::new(self.0.clone())
    }

    /// Returns the calls that nodes count together in a table beside that of entries.
    #[must_use]
    pub fn quota(&self) -> PgQuota {
        PgQuota::new(self.0.clone())
    }

    /// Returns how many connections the pool has open.
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
    /// Runs a statement on the tables, and returns its rows.
    pub(crate) async fn run<S: 'static>(
        self: &Arc<Self>,
        operation: &'static str,
        statement: Bound<'_, S>,
    ) -> Result<Vec<PooledRow>> {
        self.ensure_tables().await?;
        let outcome = self.pool.run(operation, statement).await;
        // The driver tells the state of an error by its text alone.
        if outcome.as_ref().is_err_and(|error| error.to_string().contains("does not exist")) {
            // Tables may have been dropped.
            self.recheck_tables();
        }
        outcome
    }

    /// Runs a statement that needs no tables, and returns its rows.
    pub(crate) async fn run_without_tables<S: 'static>(
        &self,
        operation: &'static str,
        statement: Bound<'_, S>,
    ) -> Result<Vec<PooledRow>> {
        self.pool.run(operation, statement).await
    }

    /// Ends the idle connections, and has listeners listen anew.
    pub(crate) fn renew(&self) {
        self.pool.renew();
    }

    /// Returns what tells that connections have to be opened anew.
    pub(crate) fn renewals(&self) -> watch::Receiver<u64> {
        self.pool.renewals()
    }

    /// Creates the tables, unless they are known to be there.
    async fn ensure_tables(self: &Arc<Self>) -> Result<()> {
        if self.are_tables_ready() {
            return Ok(());
        }
        // In a task of its own, so that it goes on if the caller gives up: rewriting a table takes long.
        let context = self.clone();
        let attempt = tokio::spawn(async move { context.migrate_once().await });
        attempt.await.unwrap_or_else(|error| {
            Err(Error::caused(
                ErrorKind::Unavailable,
                "migrate",
                "the task that creates the tables did not finish",
                error,
            ))
        })
    }

    /// Creates the tables, one attempt at a time. A call that waited for an attempt that failed fails with
    /// its error, so that none waits for more than one earlier attempt and its own.
    async fn migrate_once(&self) -> Result<()> {
        let before = self.failed_attempts.load(Ordering::Acquire);
        let mut last_failure = self.last_failure.lock().await;
        if self.are_tables_ready() {
            return Ok(());
        }
        let renewal = self.pool.renewal();
        if let Some(error) =
            last_failure.as_ref().filter(|_| self.failed_attempts.load(Ordering::Acquire) > before)
        {
            return Err(error.clone());
        }
        let now = self.clock.now();
        let outcome = migrate(&self.connector, &self.identifiers, self.config.logged, now).await;
        *last_failure = outcome.as_ref().err().cloned();
        match &outcome {
            Ok(()) => self.tables_ready.store(renewal, Ordering::Release),
            Err(_) => {
                self.failed_attempts.fetch_add(1, Ordering::AcqRel);
            }
        }
        outcome
    }

    /// Whether the tables are known to be there, on the server that the present connections lead to.
    fn are_tables_ready(&self) -> bool {
        self.tables_ready.load(Ordering::Acquire) == self.pool.renewal()
    }

    /// Makes the next statement check that the tables are there: they may have been dropped.
    pub(crate) fn recheck_tables(&self) {
        self.tables_ready.store(0, Ordering::Release);
    }

    /// Returns the removals by pattern that this process knows.
    pub(crate) fn known_patterns(&self) -> Arc<KnownPatterns> {
        self.pattern_cache.known()
    }

    /// Reads all removals by pattern from the table, and returns them.
    pub(crate) async fn reload_patterns(
        self: &Arc<Self>,
        operation: &'static str,
    ) -> Result<Arc<KnownPatterns>> {
        self.pattern_cache.replace(&self.run(operation, self.statements.list_patterns.with(&[])).await?)
    }
}

//! Reloads: the configuration is read aside, one reload at a time and within a deadline, and then put in force at
//! once, so that nothing waits for a slow file.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use cache_config::ConfigErrors;
use tokio::time::timeout;

use super::{App, ReloadHook, with_timeouts};
use crate::config::{ReloadReport, Reloaded};

/// How long reading a configuration may take.
pub const RELOAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The states of a reload: who comes first, its reader or its deadline.
const READING: u8 = 0;
const APPLIED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Why a configuration was not reloaded. The current one stays in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadError {
    /// The new configuration has these errors.
    Invalid(ConfigErrors),
    /// Another reload is under way.
    UnderWay,
    /// The files were not read within this time. Until the operating system returns them, other reloads are
    /// [`ReloadError::UnderWay`].
    TimedOut(Duration),
    /// Reading panicked, or the runtime is shutting down.
    Aborted,
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(errors) => {
                write!(f, "the new configuration is invalid, the current one stays in force\n{errors}")
            }
            Self::UnderWay => f.write_str("another reload is under way: wait until it has ended"),
            Self::TimedOut(limit) => write!(
                f,
                "the configuration was not read within {limit:?}, the current one stays in force: look at the file \
                 systems of its files"
            ),
            Self::Aborted => f.write_str("the reload was aborted, the current configuration stays in force"),
        }
    }
}

impl std::error::Error for ReloadError {}

/// Whose turn it is to reload.
#[derive(Debug, Default)]
pub(super) struct ReloadTurns {
    taken: Mutex<bool>,
    free: Condvar,
}

/// The turn of one reload, which ends when this is dropped.
struct Turn(Arc<ReloadTurns>);

impl ReloadTurns {
    fn try_take(self: &Arc<Self>) -> Option<Turn> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        (!std::mem::replace(&mut *taken, true)).then(|| Turn(Arc::clone(self)))
    }

    /// Blocks until it is the caller's turn.
    fn take(self: &Arc<Self>) -> Turn {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self.free.wait_while(taken, |taken| *taken).unwrap_or_else(PoisonError::into_inner);
        *taken = true;
        Turn(Arc::clone(self))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.free.notify_one();
    }
}

impl App {
    /// Reloads the configuration and applies the reloadable settings. They hold for values loaded from now on;
    /// cached values keep their lives. Blocks while files are read, and while another reload is under way.
    ///
    /// # Errors
    ///
    /// All errors of the new configuration, in which case the current one stays in force.
    pub fn reload(&self) -> Result<ReloadReport, ConfigErrors> {
        let _turn = self.reload_turns.take();
        Ok(self.apply(self.config().reload()?))
    }

    /// Reloads the configuration as [`App::reload`], but on a thread that may block, and for at most `limit`.
    ///
    /// # Errors
    ///
    /// If the new configuration is invalid, could not be read in time, or another reload is under way. In each case the
    /// current configuration stays in force.
    pub async fn reload_within(self: Arc<Self>, limit: Duration) -> Result<ReloadReport, ReloadError> {
        let turn = self.reload_turns.try_take().ok_or(ReloadError::UnderWay)?;
        let state = Arc::new(AtomicU8::new(READING));
        let seen = Arc::clone(&state);
        let first = |state: &AtomicU8, to| {
            state.compare_exchange(READING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        let mut reading = tokio::task::spawn_blocking(move || {
            // Held until the files are read, however long that takes, so that slow reloads don't add up.
            let _turn = turn;
            let reloaded = self.config().reload().map_err(ReloadError::Invalid)?;
            if first(&seen, APPLIED) { Ok(self.apply(reloaded)) } else { Err(ReloadError::TimedOut(limit)) }
        });
        let read = match timeout(limit, &mut reading).await {
            Ok(read) => read,
            Err(_) if first(&state, GIVEN_UP) => return Err(ReloadError::TimedOut(limit)),
            // It is being applied, which takes no time.
            Err(_) => reading.await,
        };
        read.unwrap_or(Err(ReloadError::Aborted))
    }

    /// Puts a configuration in force.
    fn apply(&self, reloaded: Reloaded) -> ReloadReport {
        let Reloaded { config, calendars, report } = reloaded;
        let settings = &config.settings;
        self.time.replace_calendars(calendars);
        // They were checked while they were read.
        if let Err(error) = self.time.replace(settings.ttl_rules()) {
            tracing::error!(%error, "reload: TTL rules unchanged");
        }
        if let Some(ReloadHook(hook)) = self.reload_hook.get() {
            hook(settings);
        }
        let mut current = self.reloadable.write();
        current.quotes = current.quotes.with(|policy| with_timeouts(policy, settings));
        current.series = current.series.with(|policy| with_timeouts(policy, settings));
        current.config = config;
        report
    }
}

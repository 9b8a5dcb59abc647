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

use super::{App, ReloadHook, market_settings::Timeouts};
use crate::config::{Config, ReloadReport, Reloaded};

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
    /// If the new configuration is invalid, could not be read in time, or another reload is under way. In each
    /// case the current configuration stays in force.
    pub async fn reload_within(self: Arc<Self>, limit: Duration) -> Result<ReloadReport, ReloadError> {
        self.reload_by(limit, Config::reload).await
    }

    /// Reloads with `read`, which may block.
    async fn reload_by(
        self: Arc<Self>,
        limit: Duration,
        read: impl FnOnce(&Config) -> Result<Reloaded, ConfigErrors> + Send + 'static,
    ) -> Result<ReloadReport, ReloadError> {
        let turn = self.reload_turns.try_take().ok_or(ReloadError::UnderWay)?;
        let state = Arc::new(AtomicU8::new(READING));
        let seen = Arc::clone(&state);
        let first = |state: &AtomicU8, to| {
            state.compare_exchange(READING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        let mut reading = tokio::task::spawn_blocking(move || {
            // Held until the files are read, however long that takes, so that slow reloads don't add up.
            let _turn = turn;
            let reloaded = read(&self.config()).map_err(ReloadError::Invalid)?;
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
        let Reloaded { config, calendars, mut report } = reloaded;
        let settings = &config.settings;
        let budget = settings.cache.memory_budget();
        // Not only if the setting changed: a reload before may have found too much protected.
        if self.cache.stats().memory.budget != budget
            && let Err(error) = self.cache.set_memory_budget(budget)
        {
            tracing::error!(%error, "reload: the budget of memory is unchanged");
            report.warnings.push(format!("memory.mib has no effect yet: {error}"));
        }
        self.time.replace_calendars(calendars);
        // They were checked while they were read.
        if let Err(error) = self.time.replace(settings.ttl_rules()) {
            tracing::error!(%error, "reload: TTL rules unchanged");
        }
        self.cache.set_lives(settings.cache.lives());
        if let Some(ReloadHook(hook)) = self.reload_hook.get() {
            hook(&config);
        }
        let mut current = self.reloadable.write();
        match current.regions.with(&Timeouts(settings)) {
            Ok(regions) => {
                self.warming.apply(settings, &regions);
                current.regions = Arc::new(regions);
            }
            Err(error) => tracing::error!(%error, "reload: timeouts unchanged"),
        }
        current.config = config;
        report
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, Sender, channel},
        thread,
    };

    use cache_core::Clock;

    use super::*;

    async fn app(folder: &tempfile::TempDir) -> Arc<App> {
        let dir = folder.path().join("data").display().to_string();
        let config = Config::from_flags(["cache-server", "--data-dir", &dir]).unwrap();
        Arc::new(App::open(&config, Clock::manual()).await.unwrap())
    }

    type Reload = tokio::task::JoinHandle<Result<ReloadReport, ReloadError>>;

    /// Begins a reload whose files are read once the sender is used or dropped. The receiver hears when it has its
    /// turn.
    fn begin(app: &Arc<App>, limit: Duration) -> (Sender<()>, Receiver<()>, Reload) {
        let ((go_on, waiting), (begun, begins)) = (channel::<()>(), channel::<()>());
        let reload = Arc::clone(app).reload_by(limit, move |config| {
            let _ = begun.send(());
            let _ = waiting.recv();
            config.reload()
        });
        (go_on, begins, tokio::spawn(reload))
    }

    #[tokio::test]
    async fn a_reload_changes_what_the_classes_of_lives_come_to() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, file) = (folder.path().join("data"), folder.path().join("cache.yaml"));
        let (dir, path) = (dir.display().to_string(), file.display().to_string());
        std::fs::write(&file, "lives: {short: 5}").unwrap();
        let config = Config::from_flags(["cache-server", "--data-dir", &dir, "--config", &path]).unwrap();
        let app = App::open(&config, Clock::manual()).await.unwrap();
        let short = |seconds| cache_core::Ttl::new(Duration::from_secs(seconds));
        assert_eq!(app.cache.lives().short, short(5));
        std::fs::write(&file, "lives: {short: 2m}").unwrap();
        app.reload().unwrap();
        assert_eq!(app.cache.lives().short, short(120));
        assert_eq!(app.time.rules().classes.short, Duration::from_secs(120), "and for the rules");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rule_75_while_files_are_read_readers_go_on_and_a_second_reload_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder).await;
        let (go_on, begins, slow) = begin(&app, Duration::from_secs(600));
        while begins.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        for _ in 0..1000 {
            let _ = app.quotes();
            let _ = app.config();
            assert_eq!(Arc::clone(&app).reload_within(RELOAD_TIMEOUT).await, Err(ReloadError::UnderWay));
        }
        let waits = thread::spawn({
            let app = Arc::clone(&app);
            move || app.reload()
        });
        drop(go_on);
        assert_eq!(slow.await.unwrap(), Ok(ReloadReport::default()));
        assert_eq!(waits.join().unwrap(), Ok(ReloadReport::default()), "its turn comes");
    }

    /// With nothing else to do, paused time advances to the deadline by itself.
    #[tokio::test(start_paused = true)]
    async fn rule_75_a_reload_past_its_deadline_is_given_up_and_changes_nothing_later() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder).await;
        let applied = Arc::new(AtomicU8::new(0));
        let seen = Arc::clone(&applied);
        app.on_reload(move |_| seen.store(1, Ordering::Release));
        let (go_on, _begins, slow) = begin(&app, Duration::ZERO);
        assert_eq!(slow.await.unwrap(), Err(ReloadError::TimedOut(Duration::ZERO)));
        assert_eq!(
            Arc::clone(&app).reload_within(RELOAD_TIMEOUT).await,
            Err(ReloadError::UnderWay),
            "still stuck"
        );
        drop(go_on);
        // Its turn ends once its files are read.
        drop(app.reload_turns.take());
        assert_eq!(applied.load(Ordering::Acquire), 0, "what came late is not applied");
        assert_eq!(
            Arc::clone(&app).reload_within(Duration::from_secs(600)).await,
            Ok(ReloadReport::default())
        );
        assert_eq!(applied.load(Ordering::Acquire), 1);
    }
}

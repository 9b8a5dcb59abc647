//! The process: configuration, logs, runtime, signals, and a bounded shutdown.

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::Path,
    process::{ExitCode, exit},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};
use cache_config::ConfigErrors;
use cache_core::Clock;
use cache_server::{
    Action, App, CloseOutcome, Config, ConfigSources, FLUSH_TIMEOUT, Limits, SHUTDOWN_TIMEOUT, Settings,
    banner, bind, calendar, parse_command_line, reload_on_sighup, router, serve, stop_signal,
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Variables that are not UTF-8 are not ours.
    let variables =
        env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let (action, sources) =
        parse_command_line(env::args_os(), variables).unwrap_or_else(|error| error.exit());
    let result = match action {
        Action::Serve => run(&sources),
        Action::ShowConfig => show(&sources),
        Action::CheckConfig(file) => check(sources, &file),
        Action::Calendar(args) => calendar(&args, Clock::system().now(), &mut io::stdout().lock())
            .map_err(|error| anyhow!("{error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show(sources: &ConfigSources) -> Result<()> {
    let config = readable(sources.read())?;
    warn(&config);
    Ok(io::stdout().write_all(config.to_yaml().as_bytes())?)
}

fn check(mut sources: ConfigSources, file: &Path) -> Result<()> {
    sources.file = Some(file.to_owned());
    warn(&read_to_start(&sources)?);
    Ok(writeln!(io::stdout(), "{} is valid", file.display())?)
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
}

/// Reads the configuration with all that would stop the start: the same for the check and for the start itself.
fn read_to_start(sources: &ConfigSources) -> Result<Config> {
    // The clients of servers are made as for a start, which needs a runtime; this one runs no task of theirs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { readable(sources.read_to_start()) })
}

/// Makes one error of all errors of a configuration.
fn readable(config: Result<Config, ConfigErrors>) -> Result<Config> {
    config.map_err(|errors| match errors.count() {
        1 => anyhow!("{errors}"),
        count => anyhow!("the configuration has {count} errors\n{errors}"),
    })
}

fn run(sources: &ConfigSources) -> Result<()> {
    let config = read_to_start(sources)?;
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.settings)?)
        .with_ansi(colours)
        .with_writer(io::stderr)
        .with_filter_reloading();
    let handle = log.reload_handle();
    log.init();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Connections are file descriptors, of which the usual limit of 1,024 is too few.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "can't raise the limit of open files: fewer connections can be served");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let reload_filter = move |settings: &Settings| {
        if let Err(error) = filter(settings).and_then(|filter| Ok(handle.reload(filter)?)) {
            tracing::error!(%error, "reload: log filter unchanged");
        }
    };
    let result = runtime.block_on(run_service(&config, reload_filter));
    // Threads that still block are not waited for: the tiers are flushed.
    runtime.shutdown_background();
    result
}

fn filter(settings: &Settings) -> Result<EnvFilter> {
    Ok(EnvFilter::try_new(&settings.service.log)?)
}

async fn run_service(
    config: &Config,
    reload_filter: impl Fn(&Settings) + Send + Sync + 'static,
) -> Result<()> {
    let settings = &config.settings;
    // Our errors print their sources: as a chain they would be printed twice.
    let listener = bind(&settings.service.listen).await.map_err(|error| anyhow!("{error}"))?;
    let bound = listener.local_addr()?;
    let app = App::open(config, Clock::system()).await.map_err(|error| anyhow!("{error}"))?;
    let app = Arc::new(app);
    app.on_reload(reload_filter);
    // Registered before the banner, after which others may send signals.
    let (reload, stopped) = (reload_on_sighup(app.clone())?, stop_signal()?);
    tokio::spawn(reload);
    // The reader of our output may be gone.
    let _ = io::stdout().write_all(banner(settings, &app, bound).as_bytes());

    let stop = async {
        let name = stopped.await;
        tracing::info!("{name}: shutting down, finishing requests under way");
        exit_after_timeout();
    };
    let limits =
        Limits::new(settings.limits.connections, Duration::from_millis(settings.limits.client_timeout_ms));
    serve(listener, router(app.clone()), limits, stop).await;
    match app.close(FLUSH_TIMEOUT).await {
        Ok(CloseOutcome::Complete) => tracing::info!("stopped, all data flushed"),
        Ok(CloseOutcome::LoadsAborted(why)) => {
            tracing::warn!(%why, "stopped, all data flushed, loads under way aborted")
        }
        Err(error) => {
            tracing::error!(%error, "stopped, but not all is on disk: values may be lost");
            return Err(anyhow!("stopped, but not all is on disk: {error}"));
        }
    }
    Ok(())
}

/// Exits with a failure after the shutdown timeout, whatever blocks: data may not be on disk.
fn exit_after_timeout() {
    thread::spawn(|| {
        thread::sleep(SHUTDOWN_TIMEOUT);
        eprintln!("shutdown not finished after {SHUTDOWN_TIMEOUT:?}: exiting now");
        exit(1);
    });
}

//! The process around the service: configuration, logs, runtime, signals, and the end within its bound.

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::Path,
    process::{ExitCode, exit},
    sync::Arc,
    thread,
};

use anyhow::{Result, anyhow};
use cache_core::Clock;
use cache_server::{
    App, Closed, Config, FLUSH, HARD, Limits, Settings, Sources, Task, banner, bind, calendar, invocation,
    reload_when_told, router, serve, signal,
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // A variable that is no text can't name anything of ours.
    let variables =
        env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let (task, sources) = invocation(env::args_os(), variables).unwrap_or_else(|error| error.exit());
    let done = match task {
        Task::Serve => run(&sources),
        Task::Show => show(&sources),
        Task::Check(file) => check(sources, &file),
        Task::Calendar(args) => calendar(&args, Clock::system().now(), &mut io::stdout().lock())
            .map_err(|error| anyhow!("{error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show(sources: &Sources) -> Result<()> {
    let config = read(sources)?;
    warn(&config);
    Ok(io::stdout().write_all(config.to_yaml().as_bytes())?)
}

fn check(mut sources: Sources, file: &Path) -> Result<()> {
    sources.file = Some(file.to_owned());
    warn(&read(&sources)?);
    Ok(writeln!(io::stdout(), "{} can be served with", file.display())?)
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
}

fn read(sources: &Sources) -> Result<Config> {
    sources.read().map_err(|faults| match faults.iter().count() {
        1 => anyhow!("{faults}"),
        many => anyhow!("the configuration can't be used for {many} reasons\n{faults}"),
    })
}

fn run(sources: &Sources) -> Result<()> {
    let config = read(sources)?;
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.settings)?)
        .with_ansi(colours)
        .with_writer(io::stderr)
        .with_filter_reloading();
    let level = log.reload_handle();
    log.init();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Connections are file descriptors, and the usual limit of 1,024 is soon reached.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "can't raise the limit of open files");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let relevel = move |settings: &Settings| {
        if let Err(error) = filter(settings).and_then(|filter| Ok(level.reload(filter)?)) {
            tracing::error!(%error, "the log goes on as it was");
        }
    };
    runtime.block_on(live(&config, relevel))?;
    // Whatever still blocks a thread is not waited for: what had to be written has been flushed.
    runtime.shutdown_background();
    Ok(())
}

fn filter(settings: &Settings) -> Result<EnvFilter> {
    Ok(EnvFilter::try_new(&settings.service.log)?)
}

async fn live(config: &Config, relevel: impl Fn(&Settings) + Send + Sync + 'static) -> Result<()> {
    let settings = &config.settings;
    // Our errors already say what lay under them: as a chain it would be said twice.
    let listener = bind(&settings.service.listen).await.map_err(|error| anyhow!("{error}"))?;
    let bound = listener.local_addr()?;
    let app = App::open(config, Clock::system()).await.map_err(|error| anyhow!("{error}"))?;
    let app = Arc::new(app);
    app.when_reloaded(relevel);
    // Before anybody can know that we are there.
    let (told, stopped) = (reload_when_told(app.clone())?, signal()?);
    tokio::spawn(told);
    // Whoever started us may not be reader.
    let _ = io::stdout().write_all(banner(settings, &app, bound).as_bytes());

    let stop = async {
        let name = stopped.await;
        tracing::info!("{name}: finishing what is under way");
        end_within_bound();
    };
    let limits = Limits { connections: settings.limits.connections, ..Limits::default() };
    serve(listener, router(app.clone()), limits, stop).await;
    match app.close(FLUSH).await {
        Ok(Closed::Complete) => tracing::info!("flushed and stopped"),
        Ok(Closed::LoadsCut(why)) => tracing::warn!(%why, "flushed and stopped, but loads were cut"),
        Err(error) => tracing::error!(%error, "stopped, but not all of it is on disk"),
    }
    Ok(())
}

/// Ends the process when its time is up, whatever it is stuck in, as a failure: something may not be
/// on disk.
fn end_within_bound() {
    thread::spawn(|| {
        thread::sleep(HARD);
        eprintln!("still not done after {HARD:?}: ending now");
        exit(1);
    });
}

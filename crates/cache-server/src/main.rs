//! The process around the service: settings, logs, runtime, signals, and the end within its bound.

use std::{
    io::{self, IsTerminal, Write},
    process::{ExitCode, exit},
    sync::Arc,
    thread,
};

use anyhow::{Context, Result, anyhow};
use cache_core::Clock;
use cache_server::{
    App, CalendarArgs, Closed, FLUSH, HARD, Limits, Settings, banner, bind, calendar, router, serve, signal,
};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// A market-data service: quotes and daily bars from memory, then disk, then a slow provider.
#[derive(Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else can be done than to serve.
#[derive(Subcommand)]
enum Command {
    Calendar(CalendarArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        None => run(&cli.settings),
        Some(Command::Calendar(args)) => calendar(args, Clock::system().now(), &mut io::stdout().lock())
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

fn run(settings: &Settings) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.log).with_context(|| {
        format!("--log or CACHE_LOG is {:?}: give off, error, warn, info, debug or trace", settings.log)
    })?;
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
    // Connections are file descriptors, and the usual limit of 1,024 is soon reached.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "can't raise the limit of open files");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(live(settings))?;
    // Whatever still blocks a thread is not waited for: what had to be written has been flushed.
    runtime.shutdown_background();
    Ok(())
}

async fn live(settings: &Settings) -> Result<()> {
    // Our errors already say what lay under them: as a chain it would be said twice.
    settings.check().map_err(|error| anyhow!("{error}"))?;
    let listener = bind(&settings.listen).await.map_err(|error| anyhow!("{error}"))?;
    let bound = listener.local_addr()?;
    let app = App::open(settings, Clock::system()).await.map_err(|error| {
        let folder = settings.data_dir.display();
        anyhow!("can't start on the data folder {folder}: {error}; choose another with --data-dir or CACHE_SERVER_DATA_DIR")
    })?;
    let app = Arc::new(app);
    // Whoever started us may not be reading.
    let _ = io::stdout().write_all(banner(settings, &app, bound).as_bytes());

    let stop = async {
        match signal().await {
            Ok(name) => tracing::info!("{name}: finishing what is under way"),
            Err(error) => tracing::error!(%error, "can't listen for signals: stopping"),
        }
        end_within_bound();
    };
    let limits = Limits { connections: settings.max_connections, ..Limits::default() };
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

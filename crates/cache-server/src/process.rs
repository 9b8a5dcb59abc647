//! The service as a process: logs, runtime, signals, and a bounded shutdown.
//!
//! It is here and not in the program itself, since whoever waits for an `async` function compiles it, with all
//! that it waits for: a second time, if the library has.

use std::{process::exit, sync::Arc, thread, time::Duration};

use anyhow::{Result, anyhow};
use cache_core::Clock;

use crate::{
    App, CloseOutcome, Config, Limits, Log, ServerTls, SpanExport, banner, bind,
    demo::DemoLoad,
    in_background, print, router, serve,
    signals::{
        FLUSH_TIMEOUT, LOG_FLUSH_TIMEOUT, SHUTDOWN_TIMEOUT, SPAN_FLUSH_TIMEOUT, hangups, reload_on_sighup,
        stop_signal,
    },
};

/// How many file descriptors are kept for anything but connections of clients.
const RESERVED_DESCRIPTORS: u64 = 128;

/// Runs the service until a signal stops it, with clients of its own if `demo_load` is set. Logs go to standard
/// error, and the banner to standard output.
///
/// # Errors
/// Returns an error if the service can't start, or if at its end not all is on disk.
pub fn run(config: &Config, demo_load: bool) -> Result<()> {
    if demo_load {
        DemoLoad::check(&config.settings).map_err(|error| anyhow!("{error}"))?;
    }
    // Our errors print their sources: as a chain they would be printed twice.
    let spans = SpanExport::open(&config.settings.tracing).map_err(|error| anyhow!("{error}"))?;
    let span_layer = spans.as_ref().map(SpanExport::layer);
    let log = Log::start(&config.settings.service.log, span_layer).map_err(|error| anyhow!("{error}"))?;
    let result = run_logged(config, &log, demo_load);
    if let Some(spans) = spans {
        spans.close(SPAN_FLUSH_TIMEOUT);
    }
    log.finish(LOG_FLUSH_TIMEOUT);
    result
}

fn run_logged(config: &Config, log: &Log, demo_load: bool) -> Result<()> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run_service(config, log, demo_load));
    // Threads that still block are not waited for: the tiers are flushed.
    runtime.shutdown_background();
    result
}

/// Returns how many connections can be served at once: as many as are wanted, if there are as many file
/// descriptors. With fewer the silent would keep their places until there is none to take from them.
fn places(wanted: u32) -> u32 {
    // The usual limit of 1,024 is too few.
    let descriptors = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(descriptors) => descriptors,
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files");
            rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::from(wanted))
        }
    };
    let most = descriptors.saturating_sub(RESERVED_DESCRIPTORS).max(descriptors / 2).max(1);
    let places = u32::try_from(most).unwrap_or(u32::MAX).min(wanted);
    if places < wanted {
        tracing::warn!(
            descriptors,
            wanted,
            places,
            "the limit of open files allows fewer connections than limits.connections: raise it, such as by LimitNOFILE"
        );
    }
    places
}

async fn run_service(config: &Config, log: &Log, demo_load: bool) -> Result<()> {
    let settings = &config.settings;
    // Before anything takes its time, since a signal would end the process.
    let hangups = hangups()?;
    let stopped = {
        let log = log.clone();
        stop_signal(move || exit_after_timeout(&log))?
    };
    let listener = bind(&settings.service.listen).await.map_err(|error| anyhow!("{error}"))?;
    let bound = listener.local_addr()?;
    let app = App::open(config, Clock::system()).await.map_err(|error| anyhow!("{error}"))?;
    let app = Arc::new(app);
    app.count_log_lines(log.writer().clone());
    let reloaded = log.clone();
    let tls = config.certificate.clone().map(ServerTls::new);
    let shown = tls.clone();
    app.on_reload(move |config: &Config| {
        if let Err(error) = reloaded.set_filter(&config.settings.service.log) {
            tracing::error!(%error, "reload: log filter unchanged");
        }
        if let (Some(tls), Some(certificate)) = (&shown, &config.certificate) {
            tls.replace(certificate.clone());
        }
    });
    tokio::spawn(reload_on_sighup(app.clone(), hangups));
    // The reader of our output may be gone, or asleep.
    let banner = banner(settings, &app, bound, demo_load);
    in_background(move || print(&banner));
    let demo = demo_load.then(|| DemoLoad::start(bound, tls.is_some())).transpose();
    let demo = demo.map_err(|error| anyhow!("{error}"))?;

    let stop = async {
        let name = stopped.await;
        drop(demo);
        app.end_streams();
        tracing::info!("{name}: shutting down, finishing requests under way");
    };
    let places = places(settings.limits.connections);
    let limits = Limits::new(places, Duration::from_millis(settings.limits.client_timeout_ms));
    serve(listener, tls, router(app.clone()), limits, stop).await;
    match app.close(FLUSH_TIMEOUT).await {
        Ok(CloseOutcome::Complete) => tracing::info!("stopped, all data flushed"),
        Ok(CloseOutcome::LoadsAborted(why)) => {
            tracing::warn!(%why, "stopped, all data flushed, loads under way aborted")
        }
        Ok(CloseOutcome::TierUnflushed(why)) => {
            tracing::warn!(%why, "stopped, all data is on disk, but a tier that could not be reached lacks some of it")
        }
        Err(error) => {
            tracing::error!(%error, "stopped, but not all is on disk: values may be lost");
            return Err(anyhow!("stopped, but not all is on disk: {error}"));
        }
    }
    Ok(())
}

/// Exits with a failure after the shutdown timeout, whatever blocks: data may not be on disk.
fn exit_after_timeout(log: &Log) {
    thread::sleep(SHUTDOWN_TIMEOUT);
    tracing::error!("shutdown not finished after {SHUTDOWN_TIMEOUT:?}: exiting now");
    log.finish(LOG_FLUSH_TIMEOUT);
    exit(1);
}

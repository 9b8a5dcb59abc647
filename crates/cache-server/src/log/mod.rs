//! The log: lines that are written by a thread of their own, and the filter that selects them.

mod filter;
mod output;
mod panics;
mod queue;
mod writer;

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, LogSum, Result};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, reload};

use crate::otlp::SpanLayer;

pub use filter::check_filter;
pub(crate) use filter::likely_typos;
pub use output::{in_background, print, print_failure, print_to_stderr};
pub use writer::LogWriter;

/// The log of the process, on standard error.
#[derive(Clone, Debug)]
pub struct Log {
    writer: LogWriter,
    panics: Arc<LogSum>,
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Log {
    /// Starts writing the lines that `filter` selects to standard error. Panics become lines too. Spans go to
    /// `spans` besides, whatever the filter.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid filter, `Storage` if the writing thread can't be started, or if something else
    /// receives the process's lines already.
    pub fn start(filter: &str, spans: Option<SpanLayer>) -> Result<Self> {
        let failed = |message: String| Error::new(ErrorKind::Storage, "log", message);
        let filter = filter::parse(filter).map_err(|why| Error::new(ErrorKind::Config, "log", why))?;
        let writer = LogWriter::start(standard_error())
            .map_err(|error| failed(format!("can't start the thread that writes the log: {error}")))?;
        let (filter, reloading) = reload::Layer::new(filter);
        let lines = fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .log_internal_errors(false)
            .with_writer(writer.clone())
            .with_filter(filter);
        // Boxed, so that the types of both are those of layers on the registry itself.
        let layers: Vec<SpanLayer> = spans.into_iter().chain([lines.boxed()]).collect();
        tracing::subscriber::set_global_default(Registry::default().with(layers))
            .map_err(|error| failed(format!("can't start the log: {error}")))?;
        Ok(Self { writer, panics: panics::log_panics(), filter: reloading })
    }

    /// Selects lines by another filter from now on.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid filter; the current one stays.
    pub fn set_filter(&self, filter: &str) -> Result<()> {
        let invalid = |why: String| Error::new(ErrorKind::Config, "log", why);
        let filter = filter::parse(filter).map_err(invalid)?;
        self.filter.reload(filter).map_err(|error| invalid(error.to_string()))
    }

    /// Returns where its lines are queued.
    #[must_use]
    pub fn writer(&self) -> &LogWriter {
        &self.writer
    }

    /// Writes what is queued, for at most `limit`: for the end of the process. Lines left then are lost.
    pub fn finish(&self, limit: Duration) {
        if let Some(summary) = self.panics.finish(Clock::system().now()) {
            tracing::error!("{summary}");
        }
        let _ = self.writer.flush_within(limit);
    }
}

/// Returns standard error by a descriptor of its own: the standard library's takes lines that can't be written for
/// written, and has a lock that others would wait for.
fn standard_error() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::stderr()),
    }
}

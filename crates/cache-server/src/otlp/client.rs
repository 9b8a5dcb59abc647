//! The HTTP client of the export: on a runtime of its own, so that the service's is not slowed.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use cache_core::{Clock, LogSum, root_cause};
use cache_tls::TlsClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Runtime;

/// The longest answer of a collector that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Sends spans. A collector that can't be reached, or refuses them, is a line in the log now and then.
pub(super) struct ExportClient {
    client: reqwest::Client,
    runtime: Runtime,
    clock: Clock,
    failures: LogSum,
}

impl ExportClient {
    pub(super) fn new(timeout: Duration, clock: Clock) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(TlsClient::new().even_without_roots().config()?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout)
            .timeout(timeout)
            // Between two exports nothing would see that a connection was closed.
            .pool_max_idle_per_host(0)
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime, clock, failures: LogSum::new("exports of spans that failed") })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.client.execute(request.try_into()?).await?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(format!("the collector answered more than {MAX_ANSWER} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::builder().status(status).body(body.into())?)
    }

    /// Logs that an export failed, now and then.
    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let why = match outcome {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => format!("the collector answered {}", answer.status()),
            Err(error) => root_cause(&**error).to_string(),
        };
        if let Some(times) = self.failures.count(self.clock.now()) {
            tracing::warn!(%why, times, "spans can't be exported: they are dropped, and the service goes on");
        }
    }
}

#[async_trait]
impl HttpClient for ExportClient {
    /// Is called by the thread that exports, which waits for it.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let outcome = self.runtime.block_on(self.exchange(request));
        self.note(&outcome);
        outcome
    }
}

impl fmt::Debug for ExportClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportClient").finish_non_exhaustive()
    }
}

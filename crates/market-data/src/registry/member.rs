//! One provider of a registry: admission, timeout, retries and usage.

use std::{sync::Arc, time::Duration};

use cache_core::{
    QuotaStore, Timestamp,
    sync::{Mutex, MutexGuard},
};

use tracing::{Instrument, Span, field};

use super::{
    gate::{Gate, NotAdmitted},
    request_kind::RequestKind,
    settings::ProviderSettings,
    shared::SharedQuota,
    usage::{ProviderReport, UsageCounters},
};
use crate::{
    Answer, Answers, Asset, DataType, MarketRecord, Offer, Provider, ProviderError, ProviderErrorKind, SPANS,
    monotonic_clock::MonotonicClock, one_answer_per_key,
};

#[derive(Debug)]
pub(super) struct Member {
    provider: Arc<dyn Provider>,
    name: Arc<str>,
    settings: ProviderSettings,
    gate: Mutex<Gate>,
    /// Counts its calls for all nodes, if it has a quota.
    shared: Option<Arc<SharedQuota>>,
    counters: UsageCounters,
    time: MonotonicClock,
}

impl Member {
    pub(super) fn new(
        name: String,
        provider: Arc<dyn Provider>,
        settings: ProviderSettings,
        time: MonotonicClock,
        store: Option<&Arc<dyn QuotaStore>>,
    ) -> Self {
        let (name, gate): (Arc<str>, _) = (name.into(), Mutex::new(Gate::new(&settings)));
        let limits: Vec<_> = settings.quota.limits().collect();
        let shared = store.filter(|_| !limits.is_empty());
        let shared =
            shared.map(|store| SharedQuota::new(Arc::clone(store), Arc::clone(&name), limits, time.clone()));
        Self { name, provider, settings, gate, shared, counters: UsageCounters::default(), time }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Returns the provider's offer of such data, unless its settings exclude them.
    pub(super) fn offer(&self, data: DataType) -> Option<Offer> {
        let wanted = self.settings.data.as_ref().is_none_or(|wanted| wanted.contains(&data));
        self.provider.offer(data).filter(|_| wanted)
    }

    /// Returns how many calls its quotas of a minute and a day leave; `None` without one.
    pub(super) fn calls_left(&self) -> Option<usize> {
        let now = self.time.now();
        let own = self.gate().calls_left(now);
        let shared = self.shared.as_ref().map_or_else(Vec::new, |shared| shared.reports());
        // That of a second is left out: whoever waits a moment has it again.
        let lasting = shared.iter().filter(|quota| quota.span > Duration::from_secs(1));
        own.into_iter().chain(lasting.map(|quota| quota.left as usize)).min()
    }

    /// Returns whether the provider may be asked for this key: by its settings and its offer.
    pub(super) fn covers<Q: RequestKind>(&self, kind: &Q, offer: &Offer, id: &Q::Id) -> bool {
        self.covers_asset(offer, kind.asset(id)) && kind.is_offered(offer, id)
    }

    /// Returns whether the provider may be asked about this asset: by its settings and its offer.
    pub(super) fn covers_asset(&self, offer: &Offer, asset: &Asset) -> bool {
        let markets = self.settings.markets.as_ref();
        markets.is_none_or(|markets| markets.contains(&asset.market)) && offer.covers(asset)
    }

    /// Asks for one batch, and retries after transient failures. Waits for admission for `max_wait` in all.
    pub(super) async fn ask<Q: RequestKind>(
        &self,
        kind: &Q,
        ids: &[Q::Id],
        max_wait: Duration,
    ) -> Answers<Q::Value> {
        let deadline = self.time.now().after(max_wait);
        self.turn(deadline).await.map_err(|not_admitted| self.held_back(not_admitted))?;
        let (mut failed, mut backoff) = (0, self.settings.backoff());
        loop {
            let error = match self.attempt(kind, ids, failed > 0).await {
                Ok(answers) => return Ok(answers),
                Err(error) => error,
            };
            failed += 1;
            if failed > self.settings.retries || !is_worth_another(&error) {
                return Err(error);
            }
            if !matches!(error.kind(), ProviderErrorKind::Throttled { .. }) {
                self.time.sleep(backoff.pause_at_least_half()).await;
            }
            // The failure of the call that was made says more than that another was not admitted.
            self.turn(deadline).await.map_err(|_| error)?;
        }
    }

    /// Waits until a call is admitted.
    async fn turn(&self, deadline: Timestamp) -> Result<(), NotAdmitted> {
        loop {
            let not_admitted = match self.admit().await {
                Ok(()) => return Ok(()),
                Err(not_admitted) => not_admitted,
            };
            if not_admitted.until > deadline {
                return Err(not_admitted);
            }
            self.time.sleep(not_admitted.until.since(self.time.now())).await;
        }
    }

    /// Admits a call, and counts it.
    async fn admit(&self) -> Result<(), NotAdmitted> {
        if let Some(shared) = &self.shared {
            let now = self.time.now();
            // First, since what is counted for all nodes is not given back.
            self.gate().look(now)?;
            shared.take().await?;
        }
        let now = self.time.now();
        self.gate().pass(now)
    }

    async fn attempt<Q: RequestKind>(&self, kind: &Q, ids: &[Q::Id], again: bool) -> Answers<Q::Value> {
        self.counters.went_out(kind.data(), ids.len(), again);
        let limit = Duration::from_millis(self.settings.timeout_ms);
        let span = self.span(kind.data(), ids.len(), again);
        let asked = kind.ask(&*self.provider, ids).instrument(span.clone());
        let answers = self.time.within(limit, asked).await;
        let answers = answers.unwrap_or_else(|| {
            let message = format!("{} did not answer within {limit:?}", self.name);
            Err(ProviderError::new(ProviderErrorKind::TimedOut, message))
        });
        let answers = one_answer_per_key(&self.name, ids.len(), answers).map_err(|error| self.named(error));
        let answers = answers.map(|answers| {
            answers.into_iter().zip(ids).map(|(answer, id)| self.checked(kind, id, answer)).collect()
        });
        self.note(&answers);
        record(&span, &answers, ids.len());
        answers.map(|answers| answers.into_iter().map(|answer| self.signed(answer)).collect())
    }

    /// The span of one call, which may take several requests.
    fn span(&self, data: DataType, keys: usize, again: bool) -> Span {
        tracing::debug_span!(
            target: SPANS, "provider.call",
            provider = &*self.name,
            kind = data.as_str(),
            keys,
            retry = again,
            failed = field::Empty,
            outcome = field::Empty,
            error.type = field::Empty,
            otel.status_code = field::Empty,
        )
    }

    /// Names the provider in the error as the registry does, and cuts the pause that it asks for: whoever is told
    /// of it must not be silent for longer than the registry is.
    fn named(&self, error: ProviderError) -> ProviderError {
        let longest = Duration::from_millis(self.settings.retry_after_max_ms);
        let kind = match error.kind() {
            ProviderErrorKind::Throttled { retry_after: Some(pause) } => {
                ProviderErrorKind::Throttled { retry_after: Some(pause.min(longest)) }
            }
            kind => kind,
        };
        let message = match error.message() {
            named if named.starts_with(&*self.name) => named.to_owned(),
            message => format!("{}: {message}", self.name),
        };
        ProviderError::new(kind, message)
    }

    /// Fails a key whose value is of another shape than it must be.
    fn checked<Q: RequestKind>(&self, kind: &Q, id: &Q::Id, answer: Answer<Q::Value>) -> Answer<Q::Value> {
        let Answer::Value(value) = &answer else { return answer };
        let Err(why) = kind.check(value, self.time.wall_now()) else { return answer };
        let (name, data, asset) = (&self.name, kind.data(), kind.asset(id));
        let message = format!("{name} sent an invalid {data} of {asset}: {why}");
        Answer::Failed(ProviderError::new(ProviderErrorKind::BadAnswer, message))
    }

    /// Sets the provider's name in the answer.
    fn signed<V: MarketRecord>(&self, mut answer: Answer<V>) -> Answer<V> {
        match &mut answer {
            Answer::Value(value) => *value.provider() = Some(Arc::clone(&self.name)),
            Answer::Failed(error) => *error = self.named(error.clone()),
            Answer::Unknown => {}
        }
        answer
    }

    fn note<V>(&self, answers: &Answers<V>) {
        let now = self.time.now();
        match answers {
            Ok(answers) => {
                self.counters.answered(answers, self.time.wall_now());
                self.gate().note(true, now);
            }
            Err(error) => {
                self.counters.failed(error, self.time.wall_now());
                let mut gate = self.gate();
                match error.kind() {
                    ProviderErrorKind::Throttled { retry_after } => {
                        let silent = Duration::from_millis(self.settings.backoff_max_ms);
                        // One who is too busy and names no time to come is not asked again at once either.
                        let least = Duration::from_millis(self.settings.backoff_ms);
                        gate.hold(retry_after.unwrap_or(silent).max(least), now);
                        // It answered: it is busy and not broken.
                        gate.note(true, now);
                    }
                    // These are about the request, not about the provider's health.
                    ProviderErrorKind::BadRequest | ProviderErrorKind::NotOffered => gate.note(true, now),
                    _ => gate.note(false, now),
                }
            }
        }
    }

    fn held_back(&self, not_admitted: NotAdmitted) -> ProviderError {
        self.counters.held_back();
        let wait = Some(not_admitted.until.since(self.time.now()));
        ProviderError::new(
            ProviderErrorKind::HeldBack { wait },
            format!("{} is held back, {}", self.name, not_admitted.why),
        )
    }

    pub(super) fn report(&self) -> ProviderReport {
        let (now, calls_left) = (self.time.now(), self.calls_left());
        let mut gate = self.gate();
        let quotas = match &self.shared {
            Some(shared) => shared.reports(),
            None => gate.quotas(now),
        };
        ProviderReport {
            name: self.name.to_string(),
            priority: self.settings.priority,
            unhealthy_reason: gate.unhealthy_reason(now),
            silent_until: gate.silence(now).map(|silence| self.time.wall_now().after(silence)),
            calls_left,
            implausible: self.provider.implausible(),
            usage: self.counters.usage(),
            quotas,
            counter: self.shared.as_ref().map(|shared| shared.counter()),
            calls_by_data: self.counters.calls_by_data(),
            last_error: self.counters.last_error(),
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock()
    }
}

/// Records in its span how a call ended.
fn record<V>(span: &Span, answers: &Answers<V>, keys: usize) {
    let mut failures = answers.iter().flatten().filter_map(|answer| match answer {
        Answer::Failed(error) => Some(error),
        Answer::Value(_) | Answer::Unknown => None,
    });
    let error = answers.as_ref().err().or_else(|| failures.next());
    let Some(error) = error else {
        span.record("failed", 0);
        span.record("outcome", "ok");
        return;
    };
    let failed = match answers {
        Ok(_) => 1 + failures.count(),
        Err(_) => keys,
    };
    span.record("failed", failed);
    span.record("outcome", if failed < keys { "mixed" } else { "failed" });
    span.record("error.type", error.kind().name());
    span.record("otel.status_code", "ERROR");
}

/// Returns whether to retry after this error. A timeout is not retried: the caller has waited long enough.
fn is_worth_another(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ProviderErrorKind::Throttled { .. } | ProviderErrorKind::Unreachable | ProviderErrorKind::Broken
    )
}

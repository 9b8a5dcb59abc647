//! Two upstreams behind a registry on a manual clock, and short words for what they answer.

use std::sync::Arc;

use cache_core::Clock;
use market_data::{Answer as Told, Asset, Provider, ProviderSettings, ProviderUsage, Quote, Registry};

use crate::{
    flat::{Flat, prices},
    upstream::{Answer, Upstream},
};

pub(crate) fn assets(texts: &[&str]) -> Vec<Asset> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn settings(priority: i32) -> ProviderSettings {
    ProviderSettings { priority, retries: 0, ..ProviderSettings::default() }
}

/// Two upstreams behind a registry on a manual clock.
pub(crate) struct Scene {
    pub(crate) clock: Clock,
    pub(crate) first: Upstream,
    pub(crate) second: Upstream,
    pub(crate) registry: Arc<Registry>,
}

impl Scene {
    pub(crate) async fn of(first: Upstream, second: Upstream, one: ProviderSettings) -> Self {
        let clock = Clock::manual();
        let provider = |name, upstream: &Upstream| Arc::new(Flat::at(name, &upstream.url(), &clock));
        let registry = Registry::builder(clock.clone())
            .provider(provider("second", &second), settings(2))
            .provider(provider("first", &first), ProviderSettings { priority: 1, ..one })
            .build();
        Self { registry: Arc::new(registry.unwrap()), clock, first, second }
    }

    /// The first says all this in turn; the second knows everything.
    pub(crate) async fn first_saying(
        answers: impl IntoIterator<Item = Answer>,
        one: ProviderSettings,
    ) -> Self {
        Self::of(Upstream::saying(answers).await, Upstream::answering(prices(|_| Some(2.0))).await, one).await
    }

    /// The provider of each key's answer; `-` for an unknown key, `!` for one that failed.
    pub(crate) async fn ask(&self, texts: &[&str]) -> String {
        match self.registry.quotes(&assets(texts)).await {
            Ok(answers) => answers.into_iter().map(|answer| short(&answer)).collect::<Vec<_>>().join(" "),
            Err(error) => format!("all: {error}"),
        }
    }

    pub(crate) fn calls(&self) -> (usize, usize) {
        (self.first.calls(), self.second.calls())
    }

    pub(crate) fn usage(&self, at: usize) -> ProviderUsage {
        self.registry.reports()[at].usage
    }
}

/// How many calls are out whose outcome is not known yet, where a call asks for one key.
pub(crate) fn under_way(registry: &Registry) -> u64 {
    let open = |usage: ProviderUsage| usage.calls - usage.failures - usage.answered - usage.unknown;
    registry.reports().into_iter().map(|report| open(report.usage)).sum()
}

pub(crate) fn short(answer: &Told<Quote>) -> String {
    match answer {
        Told::Value(quote) => quote.provider.as_deref().unwrap_or("nobody").to_owned(),
        Told::Unknown => "-".into(),
        Told::Failed(_) => "!".into(),
    }
}

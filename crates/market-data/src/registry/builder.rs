//! Builds a registry.

use std::{fmt, sync::Arc, time::Duration};

use cache_core::{Clock, Error, ErrorKind, QuotaStore, Result};

use super::{Registry, member::Member, settings::ProviderSettings};
use crate::{Provider, monotonic_clock::MonotonicClock};

/// Builds a [`Registry`].
#[must_use]
pub struct RegistryBuilder {
    clock: Clock,
    max_wait: Duration,
    quota_store: Option<Arc<dyn QuotaStore>>,
    providers: Vec<(String, Arc<dyn Provider>, ProviderSettings)>,
}

impl RegistryBuilder {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, max_wait: Duration::from_secs(1), quota_store: None, providers: Vec::new() }
    }

    /// Adds a provider under its own name.
    pub fn provider(self, provider: Arc<dyn Provider>, settings: ProviderSettings) -> Self {
        let name = provider.name().to_owned();
        self.provider_as(name, provider, settings)
    }

    /// Adds a provider under another name, which statistics and values show: for two providers of one kind.
    pub fn provider_as(
        mut self,
        name: impl Into<String>,
        provider: Arc<dyn Provider>,
        settings: ProviderSettings,
    ) -> Self {
        self.providers.push((name.into(), provider, settings));
        self
    }

    /// Sets how long a call waits for a provider's quota or requested pause if no other provider can be asked
    /// instead. Default: 1 s.
    pub fn max_wait(self, max_wait: Duration) -> Self {
        Self { max_wait, ..self }
    }

    /// Sets where calls of providers with a quota are counted, so that it holds for all nodes that count there and
    /// over restarts. The record of a provider has its name. While the store can't be reached, a node keeps to its
    /// share, of a quarter of each quota; without one it makes no calls. Default: this process counts in memory.
    pub fn quota_store(self, store: Arc<dyn QuotaStore>) -> Self {
        Self { quota_store: Some(store), ..self }
    }

    /// Builds the registry.
    ///
    /// # Errors
    ///
    /// `Config` without any provider, for two of one name, and for an invalid setting.
    pub fn build(mut self) -> Result<Registry> {
        if self.providers.is_empty() {
            return Err(config("there is no provider: add at least one".into()));
        }
        for (at, (name, _, settings)) in self.providers.iter().enumerate() {
            if self.providers[..at].iter().any(|(other, ..)| other == name) {
                return Err(config(format!("there are two providers called {name}: give each its own name")));
            }
            if let Some((field, why)) = settings.invalid_fields().first() {
                return Err(config(format!("{field} of the provider {name} {why}")));
            }
        }
        // A stable sort: among equals the one that was added first stays first.
        self.providers.sort_by_key(|(_, _, settings)| settings.priority);
        let time = MonotonicClock::new(self.clock);
        let store = self.quota_store.as_ref();
        let member = |(name, provider, settings)| Member::new(name, provider, settings, time.clone(), store);
        Ok(Registry { members: self.providers.into_iter().map(member).collect(), max_wait: self.max_wait })
    }
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, "providers", message)
}

impl fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.providers.iter().map(|(name, ..)| name.as_str()).collect();
        f.debug_struct("RegistryBuilder").field("providers", &names).finish_non_exhaustive()
    }
}

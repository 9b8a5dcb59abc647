//! The seeds' benchmark: 15 symbols, a thousand random reads at once, a provider that takes 50 ms a call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use benches::model_system::{SYMBOLS, SlowProvider};
use cache_core::{Loaded, Prefix, sync::Mutex};
use cache_facade::{Cache, Region};
use cache_warming::{Coverage, KeysOf, RunSchedule, Warming};

use super::{AT_ONCE, Load};
use crate::{
    measure::{
        burst::{Burst, burst},
        tally::{Fault, Outcome},
    },
    report::row::Row,
    scenario::Scenario,
    setup::Setup,
    subject::embedded::{TierFaults, faults_of_tiers},
    workload::quote::Quote,
};

/// How long quotes live.
const LIFE: Duration = Duration::from_secs(300);
const KIND: &str = "price";
const POPULAR: &str = "popular";

/// The provider, of quotes whose numbers are the places of their symbols.
type Quotes = SlowProvider<fn(&str) -> Loaded<Quote>>;

fn quotes() -> Quotes {
    SlowProvider::new(|symbol| {
        let place = SYMBOLS.iter().position(|known| *known == symbol);
        place.map_or(Loaded::Absent, |id| Quote::new(id as u64, 0).into())
    })
}

/// An empty cache in front of a provider of its own.
struct FreshCache {
    cache: Cache,
    region: Region<Quote>,
    provider: Quotes,
    warming: Arc<Warming>,
}

impl FreshCache {
    async fn open(setup: &Setup, namespace: &str) -> Result<Self> {
        let provider = quotes();
        let prices = Prefix::new(Some(namespace), KIND)?;
        let popular = KeysOf::new(POPULAR, RunSchedule::ByHand, move || {
            let keys = SYMBOLS.iter().map(|symbol| prices.key(symbol)).collect();
            async move { keys }
        });
        let warming = Warming::builder().strategy(popular).build();
        let with = |builder: cache_facade::CacheBuilder| {
            builder.observer(Arc::clone(&warming)).fill(Arc::clone(&warming))
        };
        let cache = setup.cache(namespace, with).await?;
        let region =
            cache.region::<Quote>(KIND).ttl(LIFE).batch_window("2ms").loader(provider.clone()).open()?;
        warming.cover(Arc::new(region.clone()), Coverage::default().life(LIFE));
        Ok(Self { cache, region, provider, warming })
    }

    /// Lets warming load the symbols that are known to be popular. Returns how many calls to the provider
    /// that took.
    async fn warm(&self) -> Result<u64> {
        let before = self.provider.calls();
        let run = self.warming.run(POPULAR).await?;
        ensure!(run.success && run.fetched == SYMBOLS.len(), "not all symbols were warmed: {run:?}");
        Ok(self.provider.calls() - before)
    }

    async fn burst(&self, asked: Vec<usize>) -> Result<Burst> {
        burst(asked.len(), |number| {
            let (region, at) = (self.region.clone(), asked[number]);
            async move {
                let found = region.lookup(SYMBOLS[at]).await;
                let found = found.map_err(|error| Fault::from(anyhow::Error::from(error)).of_reads(1))?;
                match &found.value {
                    Some(quote) if quote.version_of(at as u64) == Some(0) => {
                        Ok(Outcome { answered_by: vec![found.source.as_str().into()] })
                    }
                    Some(quote) => {
                        Err(Fault::wrong(format!("{} was read as {quote:?}", SYMBOLS[at])).of_reads(1))
                    }
                    None => Err(Fault::from(anyhow!("{} has no value", SYMBOLS[at])).of_reads(1)),
                }
            }
        })
        .await
    }
}

impl Load<'_> {
    /// Runs the workload on a cache that is empty each time, or that was warmed before.
    pub(super) async fn hit_rate(&self, scenario: Scenario) -> Result<Vec<Row>> {
        let setup = self.setup.context("a service has providers of its own")?;
        let at_once = self.options.scaled(AT_ONCE);
        let calls = Arc::new(AtomicU64::new(0));
        let warming_calls = Arc::new(AtomicU64::new(0));
        let tier_faults = Arc::new(Mutex::new(TierFaults::default()));
        let row = self.rounds(scenario, at_once, SYMBOLS.len(), |round| {
            let (calls, warming_calls) = (Arc::clone(&calls), Arc::clone(&warming_calls));
            let tier_faults = Arc::clone(&tier_faults);
            async move {
                let fresh = FreshCache::open(setup, &format!("{}-{round}", scenario.name())).await?;
                let mut random = fastrand::Rng::with_seed(u64::from(round));
                if scenario == Scenario::HitRateWarm {
                    warming_calls.fetch_add(fresh.warm().await?, Ordering::Relaxed);
                }
                let before = fresh.provider.calls();
                let asked = (0..at_once).map(|_| random.usize(..SYMBOLS.len())).collect();
                let burst = fresh.burst(asked).await?;
                calls.fetch_add(fresh.provider.calls() - before, Ordering::Relaxed);
                let faults = faults_of_tiers(&fresh.cache);
                let before = std::mem::take(&mut *tier_faults.lock());
                *tier_faults.lock() = before.and(faults);
                fresh.cache.shutdown(Duration::from_secs(5)).await?;
                Ok(burst)
            }
        });
        let row = row.await?;
        let a_round =
            |calls: &AtomicU64| calls.load(Ordering::Relaxed) as f64 / f64::from(self.options.rounds + 1);
        let row = row.with_tier_faults(&tier_faults.lock());
        Ok(vec![row.of_provider(a_round(&calls), a_round(&warming_calls))])
    }
}

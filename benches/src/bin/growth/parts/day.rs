//! A day in the life, on a clock that is turned: requests and events of many assets, on memory, disk and the model
//! of a shared tier. Whoever loads what is held, alive and untouched doubted what had not changed.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use benches::{process_memory::ProcessMemory, zipf::Zipf};
use cache_core::{
    Clock,
    sync::{Mutex, MutexGuard},
};
use cache_disk::{DiskConfig, DiskTier};
use cache_facade::{Cache, Fetched, Memory};
use cache_tier_suite::ModelTier;
use tokio::{runtime::Builder, task::yield_now};

use crate::figures::Figures;

const LIFE_SECONDS: u64 = 3600;
/// From which hour on nothing may change any more: before that all is asked for the first time.
const SETTLED: u64 = 2;

/// What goes on.
#[derive(Clone, Copy, Debug)]
struct Plan {
    assets: usize,
    requests_a_second: usize,
    events_a_second: usize,
    hours: u64,
}

/// What was seen in an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    requests: u64,
    loads: u64,
    /// Loads of what was alive and had not changed.
    needless: u64,
    /// How many answers were from before the last event of their asset.
    outdated: u64,
    /// What memory weighs at its end, and what the process has resident.
    weight: u64,
    resident: u64,
}

pub(super) fn measure(largest: u64) -> Result<Figures> {
    let assets = usize::try_from(largest)?.min(100_000);
    let plan = Plan { assets, requests_a_second: 300, events_a_second: 20, hours: 24 };
    eprintln!("day: {plan:?}");
    let hours = Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(live(plan))?;
    let mut figures = Figures::default();
    let settled = |of: fn(&Hour) -> f64| {
        let values: Vec<f64> = hours.iter().skip(SETTLED as usize).map(of).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let hit_rate = |hour: &Hour| 1.0 - hour.loads as f64 / hour.requests as f64;
    let (rate, weight, resident) = (
        settled(|hour| hour.loads as f64),
        settled(|hour| hour.weight as f64),
        settled(|hour| hour.resident as f64),
    );
    for (at, hour) in (0..).zip(&hours).filter(|(at, _)| *at >= SETTLED) {
        figures.share("hit_rate", at, hit_rate(hour), 0.0);
        // Hours differ by chance: of so many loads by few per cent.
        figures.share("loads_of_their_mean", at, like(hour.loads as f64, rate), 0.95);
        figures.share("weight_of_its_mean", at, like(hour.weight as f64, weight), 0.95);
        figures.share("resident_of_its_mean", at, like(hour.resident as f64, resident), 0.9);
    }
    for (at, hour) in (0..).zip(&hours) {
        let of_all = |few: u64| 1.0 - few as f64 / hour.requests as f64;
        figures.share("answers_up_to_date", at, of_all(hour.outdated), 1.0);
        figures.share("nothing_loaded_needlessly", at, of_all(hour.needless), 1.0);
    }
    Ok(figures)
}

/// How like two values are: 1 if they are the same.
fn like(one: f64, other: f64) -> f64 {
    one.min(other) / one.max(other)
}

/// The source of all values, and what is known of each asset.
#[derive(Debug)]
struct Source {
    assets: Vec<Known>,
    now: u64,
    hour: Hour,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// How many events there were.
    version: u64,
    /// The version that was loaded last, and until when that lives; none was before the first.
    loaded: Option<(u64, u64)>,
}

impl Source {
    fn load(&mut self, asset: usize) -> u64 {
        let known = &mut self.assets[asset];
        self.hour.loads += 1;
        let is_held =
            known.loaded.is_some_and(|(version, until)| version == known.version && self.now < until);
        self.hour.needless += u64::from(is_held);
        known.loaded = Some((known.version, self.now + LIFE_SECONDS));
        known.version
    }
}

async fn live(plan: Plan) -> Result<Vec<Hour>> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let clock = Clock::manual();
    let source = Source { assets: vec![Known::default(); plan.assets], now: 0, hour: Hour::default() };
    let source = Arc::new(Mutex::new(source));
    let disk = DiskTier::open(DiskConfig::new(folder.path()).clock(clock.clone()))?;
    let cache = Cache::builder()
        .memory(Memory::entries(plan.assets as u64 / 5))
        .local_tier(disk)
        .tier(ModelTier::new("shared"))
        .clock(clock.clone())
        .build()
        .await?;
    let loads = Arc::clone(&source);
    let quotes = cache
        .region::<u64>("quote")
        .ttl(Duration::from_secs(LIFE_SECONDS))
        .jitter(0.0)
        .load_one(move |asset: u64| {
            let version = loads.lock().load(asset as usize);
            async move { Fetched::new(version).tag(format!("asset-{asset}")) }
        })
        .open()?;
    let (mut asked, mut changed) = (Zipf::new(plan.assets, 0.99, 7), fastrand::Rng::with_seed(11));
    let mut hours = Vec::new();
    for second in 0..plan.hours * 3600 {
        state(&source).now = second;
        for asset in asked.take(plan.requests_a_second) {
            let answer = quotes.get(&(asset as u64)).await?.context("a request without an answer")?;
            let mut source = state(&source);
            source.hour.requests += 1;
            source.hour.outdated += u64::from(*answer != source.assets[asset].version);
        }
        for _ in 0..plan.events_a_second {
            let asset = changed.usize(..plan.assets);
            state(&source).assets[asset].version += 1;
            cache.invalidate(format!("asset-{asset}")).await?;
        }
        clock.advance(Duration::from_secs(1));
        // What runs in the background runs now.
        yield_now().await;
        if (second + 1) % 3600 == 0 {
            let mut hour = std::mem::take(&mut state(&source).hour);
            hour.weight = cache.stats().memory.weight;
            hour.resident = ProcessMemory::of(std::process::id())?.resident;
            eprintln!("hour {}: {hour:?}", second / 3600);
            ensure!(hour.requests > 0, "nothing was asked");
            hours.push(hour);
        }
    }
    Ok(hours)
}

fn state(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundredth of a day: of all of it there are two orders of magnitude less, but of the hours.
    #[tokio::test]
    async fn rule_97_in_a_day_of_events_nothing_is_doubted_but_what_changed() {
        let plan = Plan { assets: 1000, requests_a_second: 1, events_a_second: 1, hours: 6 };
        let hours = live(plan).await.unwrap();
        let sum = |of: fn(&Hour) -> u64| hours.iter().map(of).sum::<u64>();
        assert_eq!((sum(|hour| hour.needless), sum(|hour| hour.outdated)), (0, 0));
        assert!(sum(|hour| hour.loads) < sum(|hour| hour.requests) / 2, "{hours:?}");
    }
}

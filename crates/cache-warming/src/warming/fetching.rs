//! What a run fetches: what was picked is looked for in the tiers, and the rest fetched, within the budget.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use cache_core::{Error, ErrorKind, Key, Refreshed, Timestamp, sync::Mutex};
use futures_util::{FutureExt, StreamExt, stream};

use super::{
    Warming,
    covered::Covered,
    outlook::Outlook,
    run::{RunResult, StrategySlot},
};

/// A key that is to be fetched.
struct Wanted {
    key: Key,
    /// Its place in what was picked: those wanted most come first.
    order: usize,
    /// From when on it is needed.
    needed: Timestamp,
}

/// The keys of a kind that were picked and are to be had.
struct OfKind {
    covered: Arc<Covered>,
    /// Those that memory has, but not for long.
    near_end: Vec<Wanted>,
    /// Those that a tier may have.
    absent: Vec<Wanted>,
}

/// Keys that are fetched in one call.
struct Batch {
    covered: Arc<Covered>,
    wanted: Vec<Wanted>,
}

impl Batch {
    /// Its place among the others: that of its first key.
    fn order(&self) -> usize {
        self.wanted.iter().map(|wanted| wanted.order).min().unwrap_or_default()
    }
}

impl Warming {
    /// Brings what a strategy picks into memory. What came of it so far is in `result`.
    pub(super) async fn pick_and_fetch(&self, at: usize, slot: &StrategySlot, result: &Mutex<RunResult>) {
        let outlook = Outlook { warming: self, covered: self.covered_now(), strategy: at };
        let keys = match AssertUnwindSafe(slot.strategy.pick(&outlook)).catch_unwind().await {
            Ok(Ok(keys)) => keys,
            Ok(Err(error)) => return result.lock().fail(0, error.to_string()),
            Err(_) => return result.lock().fail(0, "the strategy panicked".to_owned()),
        };
        // A strategy that hangs before this holds up no other one.
        let _permit = self.permits.acquire().await;
        let wanted = self.lift(slot, keys, result).await;
        self.call(at, slot, wanted, result).await;
    }

    /// Takes as many keys as the budget allows, and lifts what lower tiers have, which costs no call. Returns what
    /// is to be fetched, by kind.
    async fn lift(
        &self,
        slot: &StrategySlot,
        mut keys: Vec<Key>,
        result: &Mutex<RunResult>,
    ) -> Vec<(Arc<Covered>, Vec<Wanted>)> {
        let mut known = HashSet::new();
        keys.retain(|key| known.insert(key.clone()));
        let most = slot.terms().budget.keys;
        slot.items.store(keys.len().min(most), Ordering::Relaxed);
        result.lock().items = keys.len();
        let now = self.history.clock.now();
        let mut by_kind: Vec<OfKind> = Vec::new();
        let mut taken = 0;
        for (order, key) in keys.into_iter().enumerate() {
            let Some(of_kind) = self.of_kind(&mut by_kind, key.kind()) else {
                result.lock().fail(1, format!("the kind {:?} is not warmed", key.kind()));
                continue;
            };
            let left = of_kind.covered.target.0.fresh_for(&key);
            let soon = slot.terms().soon.unwrap_or_else(|| of_kind.covered.soon());
            let mut result = result.lock();
            if left.is_some_and(|left| left > soon) {
                result.fresh += 1;
                slot.done.fetch_add(1, Ordering::Relaxed);
            } else if of_kind.covered.is_set_aside(&key, now) {
                result.set_aside += 1;
                slot.done.fetch_add(1, Ordering::Relaxed);
            } else if taken == most {
                result.left_out += 1;
            } else {
                taken += 1;
                match left {
                    Some(left) => of_kind.near_end.push(Wanted { key, order, needed: now.after(left) }),
                    None => of_kind.absent.push(Wanted { key, order, needed: now }),
                }
            }
        }
        let mut wanted = Vec::with_capacity(by_kind.len());
        for OfKind { covered, mut near_end, absent } in by_kind {
            let keys: Vec<Key> = absent.iter().map(|wanted| wanted.key.clone()).collect();
            let has = match AssertUnwindSafe(covered.target.0.lift(&keys)).catch_unwind().await {
                Ok(Ok(has)) if has.len() == keys.len() => has,
                _ => vec![false; keys.len()],
            };
            let lifted = has.iter().filter(|has| **has).count();
            result.lock().lifted += lifted;
            slot.done.fetch_add(lifted, Ordering::Relaxed);
            near_end.extend(absent.into_iter().zip(has).filter(|(_, has)| !has).map(|(wanted, _)| wanted));
            near_end.sort_unstable_by_key(|wanted| wanted.order);
            wanted.push((covered, near_end));
        }
        wanted
    }

    /// Returns what was picked of a kind so far, unless the kind is not covered.
    fn of_kind<'a>(&self, by_kind: &'a mut Vec<OfKind>, kind: &str) -> Option<&'a mut OfKind> {
        let at = match by_kind.iter().position(|of_kind| of_kind.covered.kind == kind) {
            Some(at) => at,
            None => {
                let covered = self.covered(kind)?;
                by_kind.push(OfKind { covered, near_end: Vec::new(), absent: Vec::new() });
                by_kind.len() - 1
            }
        };
        by_kind.get_mut(at)
    }

    /// Fetches keys in as many calls as budget and quota allow, those wanted most first, until their kind fails.
    async fn call(
        &self,
        at: usize,
        slot: &StrategySlot,
        wanted: Vec<(Arc<Covered>, Vec<Wanted>)>,
        result: &Mutex<RunResult>,
    ) {
        let budget = &slot.terms().budget;
        let mut batches: Vec<Batch> = Vec::new();
        for (covered, wanted) in wanted {
            let mut of_kind = in_batches(&covered, wanted);
            of_kind.sort_unstable_by_key(Batch::order);
            let most = self.calls_within_quota(&covered.kind, budget.quota_share).min(of_kind.len());
            leave_out(of_kind.split_off(most), result);
            batches.extend(of_kind);
        }
        batches.sort_by_key(Batch::order);
        leave_out(batches.split_off(budget.calls.min(batches.len())), result);
        let call = |batch| self.call_batch(at, slot, batch, result);
        stream::iter(batches).for_each_concurrent(budget.concurrency.max(1), call).await;
    }

    async fn call_batch(&self, at: usize, slot: &StrategySlot, batch: Batch, result: &Mutex<RunResult>) {
        let Batch { covered, mut wanted } = batch;
        // It may have failed since the run began, too: then the other calls are not tried.
        if covered.is_paused(self.history.clock.now()) {
            let mut result = result.lock();
            result.left_out += wanted.len();
            let resting =
                || format!("{:?} failed a short while ago and is left alone for a while", covered.kind);
            result.error.get_or_insert_with(resting);
            return;
        }
        let was_suspect = wanted.len() == 1 && covered.is_suspect(&wanted[0].key);
        result.lock().calls += 1;
        covered.calls.fetch_add(1, Ordering::Relaxed);
        covered.keys.fetch_add(wanted.len() as u64, Ordering::Relaxed);
        let keys: Vec<Key> = wanted.iter().map(|wanted| wanted.key.clone()).collect();
        let refreshed = AssertUnwindSafe(covered.target.0.refresh(&keys)).catch_unwind().await;
        slot.done.fetch_add(keys.len(), Ordering::Relaxed);
        let panicked = |_| Err(Error::new(ErrorKind::Load, "refresh", "the refresh panicked"));
        let Refreshed { loaded, failed } = match refreshed.unwrap_or_else(panicked) {
            Ok(refreshed) => refreshed,
            Err(error) => {
                self.note_failure(&covered, keys.len(), &error);
                return result.lock().fail(keys.len(), error.to_string());
            }
        };
        let failure = failed.iter().map(|(_, error)| error).find(|error| loaded == 0 && error.is_retryable());
        if failure.is_none() || keys.len() == 1 {
            // Whose fault it is, is known.
            let now = self.history.clock.now();
            failed.iter().for_each(|(key, _)| covered.set_aside(key, now));
        }
        match failure.filter(|_| !was_suspect) {
            Some(error) => self.note_failure(&covered, failed.len(), error),
            None => covered.came(),
        }
        if loaded > 0 {
            covered.asked().take_off(keys.len());
        }
        let failing: HashSet<&Key> = failed.iter().map(|(key, _)| key).collect();
        wanted.retain(|wanted| !failing.contains(&wanted.key));
        let came = wanted.iter().map(|wanted| (&wanted.key, Some(wanted.needed)));
        let fetched = self.note_warmed(&covered, at, came);
        let mut result = result.lock();
        result.fetched += fetched;
        result.absent += wanted.len() - fetched;
        if let Some((key, error)) = failed.first() {
            result.fail(failed.len(), format!("{key}: {error}"));
        }
    }
}

/// Returns the calls for keys of a kind: full ones, and one for each key that may be at fault.
fn in_batches(covered: &Arc<Covered>, wanted: Vec<Wanted>) -> Vec<Batch> {
    let batch = |wanted| Batch { covered: Arc::clone(covered), wanted };
    let (suspects, mut others): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|wanted| covered.is_suspect(&wanted.key));
    let mut batches: Vec<Batch> = suspects.into_iter().map(|wanted| batch(vec![wanted])).collect();
    let most = covered.batch();
    while !others.is_empty() {
        let rest = others.split_off(most.min(others.len()));
        batches.push(batch(others));
        others = rest;
    }
    batches
}

fn leave_out(batches: Vec<Batch>, result: &Mutex<RunResult>) {
    result.lock().left_out += batches.iter().map(|batch| batch.wanted.len()).sum::<usize>();
}

//! How long somebody is held up by what goes on beside it.
//!
//! A machine that is shared holds up everybody now and then, for longer than the bounds: the longer the work, the
//! surer. So the machine is watched first, as busy as it will be, and of the longest waits beside work as many are
//! left out as it makes by itself in the same time. A wait that comes with the work comes more often.

use std::{
    collections::HashMap,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use cache_core::sync::Mutex;
use tokio::{runtime::Builder, task::yield_now};

use crate::figures::{NEAR_PAUSE_MS, TIER_PAUSE_MS};

/// How often what is measured for its pauses runs: of the longest of each run the least counts, since what the
/// machine does beside does not come back each time.
pub(crate) const RUNS: usize = 5;

/// Waits that are shorter are not noted one by one.
const NOTED_MS: f64 = 0.1;
/// How many waits are noted at most.
const MOST_NOTED: usize = 1 << 20;

/// How long calls took, the longest first.
#[derive(Debug, Default)]
struct Waits {
    noted: Vec<f64>,
    longest: f64,
}

impl Waits {
    fn note(&mut self, wait_ms: f64) {
        self.longest = self.longest.max(wait_ms);
        if wait_ms > NOTED_MS && self.noted.len() < MOST_NOTED {
            self.noted.push(wait_ms);
        }
    }

    /// Returns the longest, but for so many.
    fn longest_but(&mut self, left_out: usize) -> f64 {
        self.noted.sort_by(|one, other| other.total_cmp(one));
        match left_out {
            0 => self.longest,
            _ => self.noted.get(left_out).copied().unwrap_or(NOTED_MS),
        }
    }
}

/// How often the machine itself holds up a thread that waits for nobody, while another is as busy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    bound_ms: f64,
    /// How many of its pauses are longer than the bound, a second.
    a_second: f64,
}

/// For how long the machine is watched.
const WATCHED_FOR: Duration = Duration::from_secs(20);

/// What was seen of the machine, for callers of memory and for those of tiers.
static BESIDE_MEMORY: OnceLock<Machine> = OnceLock::new();
static BESIDE_TIERS: OnceLock<Machine> = OnceLock::new();

impl Machine {
    /// Returns what it does to callers of memory.
    pub(crate) fn beside_memory() -> Self {
        *BESIDE_MEMORY.get_or_init(|| Self::watched(NEAR_PAUSE_MS))
    }

    /// Returns what it does to callers of tiers.
    pub(crate) fn beside_tiers() -> Self {
        *BESIDE_TIERS.get_or_init(|| Self::watched(TIER_PAUSE_MS))
    }

    /// Watches it for a while, for pauses above a bound.
    fn watched(bound_ms: f64) -> Self {
        let busy = || {
            let (began, mut table) = (Instant::now(), HashMap::new());
            while began.elapsed() < WATCHED_FOR {
                for _ in 0..1000 {
                    table.insert(fastrand::u64(..1 << 20), [0_u64; 8]);
                }
            }
        };
        let own = Mutex::new(HashMap::new());
        let call = async |number: u64| {
            own.lock().insert(number % 1000, number);
        };
        let (mut waits, took_ms, ()) = waits_beside(call, busy);
        let longer = waits.noted.iter().filter(|wait| **wait > bound_ms).count();
        let a_second = longer as f64 / (took_ms / 1e3);
        let longest_ms = waits.longest_but(0);
        eprintln!(
            "the machine itself pauses for over {bound_ms} ms {a_second:.2} times a second, at most {longest_ms:.1} ms"
        );
        Self { bound_ms, a_second }
    }

    /// Returns how many of the longest waits are the machine's own in so many milliseconds: what is expected, and
    /// what chance adds; none if less than one is expected.
    fn own_pauses(&self, took_ms: f64) -> usize {
        let expected = self.a_second * took_ms / 1e3;
        if expected < 1.0 { 0 } else { (expected + 2.0 * expected.sqrt()).ceil() as usize }
    }

    /// Returns how long a caller was held up by work that took so long: its longest wait, but for those above the
    /// bound that the machine makes by itself in that time.
    fn longest(&self, waits: &mut Waits, took_ms: f64) -> f64 {
        let longer = waits.noted.iter().filter(|wait| **wait > self.bound_ms).count();
        waits.longest_but(self.own_pauses(took_ms).min(longer))
    }

    /// Does `work` on this thread, while another calls again and again.
    pub(crate) fn beside<T>(&self, call: impl AsyncFn(u64) + Sync, work: impl FnOnce() -> T) -> (Beside, T) {
        let (mut waits, took_ms, done) = waits_beside(call, work);
        (Beside { longest_ms: self.longest(&mut waits, took_ms), took_ms }, done)
    }

    /// Returns how long the longest of many calls took, one after the other, which note how long each took.
    pub(crate) fn longest_of(&self, calls: impl FnOnce(&mut dyn FnMut(f64)) -> Result<()>) -> Result<f64> {
        let (began, mut waits) = (Instant::now(), Waits::default());
        calls(&mut |wait_ms| waits.note(wait_ms))?;
        Ok(self.longest(&mut waits, millis(began)))
    }

    /// Returns for how long `work` keeps the others of its runtime from going on at most, in milliseconds.
    pub(crate) fn stall(&self, work: impl Future<Output = ()>) -> f64 {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return f64::NAN };
        let (began, mut waits) = (Instant::now(), Waits::default());
        runtime.block_on(async {
            let is_over = AtomicBool::new(false);
            let others = async {
                while !is_over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    yield_now().await;
                    waits.note(millis(began));
                }
            };
            let work = async {
                work.await;
                is_over.store(true, Ordering::Relaxed);
            };
            tokio::join!(others, work);
        });
        self.longest(&mut waits, millis(began))
    }
}

/// What was found of work that went on beside somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// How long the longest call of the other took.
    pub(crate) longest_ms: f64,
    /// How long the work took.
    pub(crate) took_ms: f64,
}

impl Beside {
    /// Returns the less of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { longest_ms: self.longest_ms.min(other.longest_ms), took_ms: self.took_ms.min(other.took_ms) }
    }
}

/// Does `work` on this thread, while another calls again and again. Returns how long its calls took, and the work.
fn waits_beside<T>(call: impl AsyncFn(u64) + Sync, work: impl FnOnce() -> T) -> (Waits, f64, T) {
    let (runs, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            let mut waits = Waits::default();
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
                waits.note(f64::INFINITY);
                return waits;
            };
            runtime.block_on(async {
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    call(number).await;
                    waits.note(millis(began));
                    number += 1;
                    runs.store(true, Ordering::Relaxed);
                }
            });
            waits
        });
        while !runs.load(Ordering::Relaxed) && !caller.is_finished() {
            thread::yield_now();
        }
        let began = Instant::now();
        let done = work();
        let took_ms = millis(began);
        is_over.store(true, Ordering::Relaxed);
        let failed = || Waits { longest: f64::INFINITY, ..Waits::default() };
        (caller.join().unwrap_or_else(|_| failed()), took_ms, done)
    })
}

/// Returns the milliseconds since a moment.
pub(crate) fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_does_by_itself_is_left_out_and_nothing_else() {
        let mut waits = Waits::default();
        [0.05, 7.0, 0.2, 3.0, 2.0, 0.3].into_iter().for_each(|wait| waits.note(wait));
        let machine = |a_second| Machine { bound_ms: 1.0, a_second };
        assert_eq!(machine(0.0).longest(&mut waits, 1e3), 7.0);
        assert_eq!(machine(0.9).longest(&mut waits, 1e3), 7.0, "less than one is expected");
        // One is expected, and up to three by chance.
        assert_eq!(machine(1.0).longest(&mut waits, 1e3), 0.3);
        assert_eq!(machine(1.0).longest(&mut waits, 100.0), 7.0);
        // Of a wait within the bound it can't be told: it is never left out.
        assert_eq!(machine(1000.0).longest(&mut waits, 1e3), 0.3);
    }
}

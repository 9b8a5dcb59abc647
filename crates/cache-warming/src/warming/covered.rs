//! A kind that is warmed: whom to ask, what its keys are worth, and whether it fails.

use std::{
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use cache_core::{Backoff, Error, Key, LogSum, Timestamp, Warm, sync::Mutex};

use super::call_times::CallTimes;
use crate::history::records::Records;

/// How old a ranking may be.
const RANKED_FOR: Duration = Duration::from_secs(5);

/// The shortest and the longest pause of a kind that fails.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// What may be soon dead, as a part of its life at most.
const SOON_PART: u32 = 20;

/// How the values of a kind are warmed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Coverage {
    /// How long a value lives as a rule, until it was seen how long. Default: a minute.
    pub life: Duration,
    /// What dies within this time is fetched as if it were dead, in a call that has room; a twentieth of its
    /// life at most. Default: 15 s.
    pub soon: Duration,
    /// What a key costs in a call, where the call itself costs one. Zero where calls alone are paid for or
    /// limited, which is the default.
    pub price_of_key: f32,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { life: Duration::from_secs(60), soon: Duration::from_secs(15), price_of_key: 0.0 }
    }
}

impl Coverage {
    /// Sets how long a value lives as a rule.
    #[must_use]
    pub fn life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// Sets how near its end a value is fetched as if it were dead.
    #[must_use]
    pub fn soon(self, soon: Duration) -> Self {
        Self { soon, ..self }
    }

    /// Sets what a key costs in a call, where the call itself costs one.
    #[must_use]
    pub fn price_of_key(self, price_of_key: f32) -> Self {
        Self { price_of_key, ..self }
    }
}

/// A kind that is warmed.
#[derive(Debug)]
pub(crate) struct Covered {
    pub(crate) kind: String,
    pub(crate) target: WarmTarget,
    pub(crate) settings: Coverage,
    state: Mutex<State>,
    /// Calls made for what nobody waits for, and keys asked for in them and in free places.
    pub(crate) calls: AtomicU64,
    pub(crate) keys: AtomicU64,
    pub(crate) failures: LogSum,
}

/// Whom to ask, which says nothing of itself.
pub(crate) struct WarmTarget(pub(crate) Arc<dyn Warm>);

impl std::fmt::Debug for WarmTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WarmTarget").field(&self.0.kind()).finish()
    }
}

#[derive(Debug)]
struct State {
    /// The places of its keys, the likeliest to be asked for first.
    ranked: Vec<u32>,
    ranked_at: Timestamp,
    /// How often places had moved then.
    moves: u32,
    /// How long its values live, as was seen.
    life: Duration,
    times: CallTimes,
    pauses: Backoff,
    /// How many keys a call may have that nobody waits for.
    most_keys: usize,
    paused_until: Timestamp,
}

/// A key that is worth fetching.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: Key,
    pub(crate) place: u32,
    /// How likely it is read in its next life.
    pub(crate) read: f32,
    /// How likely it is read in that part of its next life that what is there does not cover.
    pub(crate) saved: f32,
    /// For how long what is there is still fresh.
    pub(crate) left: Duration,
}

impl State {
    /// Whether it failed a short while ago. A pause longer than any is one from before the clock was set back.
    fn is_paused(&self, now: Timestamp) -> bool {
        now < self.paused_until && self.paused_until.since(now) <= *PAUSES.end()
    }
}

impl Covered {
    pub(crate) fn new(target: Arc<dyn Warm>, settings: Coverage) -> Self {
        let state = State {
            ranked: Vec::new(),
            ranked_at: Timestamp::MIN,
            moves: 0,
            life: settings.life.max(Duration::from_millis(1)),
            times: CallTimes::default(),
            pauses: Backoff::new(PAUSES),
            most_keys: usize::MAX,
            paused_until: Timestamp::MIN,
        };
        Self {
            kind: target.kind().to_owned(),
            target: WarmTarget(target),
            settings,
            state: Mutex::new(state),
            calls: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            failures: LogSum::new("keys of a kind that could not be fetched beforehand"),
        }
    }

    /// Gives the keys that are dead, or die within `soon`, to `take`: those likeliest to be asked for first, until
    /// it wants no more.
    pub(crate) fn candidates(
        &self,
        records: &mut Records,
        now: Timestamp,
        soon: Duration,
        fresh_for: &dyn Fn(&Key) -> Option<Duration>,
        mut take: impl FnMut(Candidate) -> ControlFlow<()>,
    ) {
        let mut state = self.state.lock();
        let is_old = now < state.ranked_at || now.since(state.ranked_at) >= RANKED_FOR;
        if is_old || state.ranked.is_empty() || state.moves != records.moves() {
            state.ranked = records.ranked(&self.kind);
            (state.ranked_at, state.moves) = (now, records.moves());
        }
        let life = state.life.as_secs_f32();
        for place in &state.ranked {
            let Some(key) = records.key(*place) else { continue };
            let left = fresh_for(&key).unwrap_or_default();
            if left > soon {
                continue;
            }
            let rate = records.rate_at(*place);
            let within = |seconds: f32| -(-rate * seconds).exp_m1();
            let (read, saved) = (within(life), within((life - left.as_secs_f32()).max(0.0)));
            if take(Candidate { key, place: *place, read, saved, left }).is_break() {
                break;
            }
        }
    }

    /// Whether a key that is read with this probability is worth its price: what it may save is a call, and the
    /// key in it.
    pub(crate) fn is_worth(&self, read: f32) -> bool {
        let price = self.settings.price_of_key;
        read * (1.0 + price) > price
    }

    /// How near its end a value is fetched as if it were dead.
    pub(crate) fn soon(&self) -> Duration {
        self.settings.soon.min(self.state.lock().life / SOON_PART)
    }

    /// Returns how many free places of a call may be filled.
    pub(crate) fn places(&self, keys: usize, free: usize) -> usize {
        self.state.lock().times.places(keys, free)
    }

    /// Whether it failed a short while ago.
    pub(crate) fn is_paused(&self, now: Timestamp) -> bool {
        self.state.lock().is_paused(now)
    }

    /// Notes that a call of so many keys failed: the kind is left alone for a while, longer each time and as
    /// long as its source asks for, and is then asked for half as many keys.
    pub(crate) fn failed(&self, keys: usize, error: &Error, now: Timestamp) {
        let mut state = self.state.lock();
        state.most_keys = (state.most_keys.min(keys) / 2).max(1);
        let asked = error.retry_after().unwrap_or_default();
        if !state.is_paused(now) || !asked.is_zero() {
            let pause = state.pauses.pause_at_least_half().max(asked.min(*PAUSES.end()));
            state.paused_until = state.paused_until.max(now.after(pause));
        }
    }

    /// Notes that keys came that nobody waited for.
    pub(crate) fn came(&self) {
        let mut state = self.state.lock();
        state.pauses.reset();
        state.most_keys = state.most_keys.saturating_mul(2);
    }

    /// Notes how long a call took that callers waited for.
    pub(crate) fn took(&self, keys: usize, took: Duration) {
        self.state.lock().times.note(keys, took);
    }

    /// Returns how many keys a call may have that nobody waits for: fewer after one that failed.
    pub(crate) fn batch(&self) -> usize {
        self.target.0.max_batch().max(1).min(self.state.lock().most_keys)
    }

    /// Notes how long a value lives that has just come.
    pub(crate) fn lives(&self, life: Duration) {
        let mut state = self.state.lock();
        // Some are older than they seem: what lives longest tells.
        state.life = if life > state.life { life } else { (state.life * 31 + life) / 32 };
    }
}

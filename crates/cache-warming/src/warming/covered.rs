//! A kind that is warmed: whom to ask, what its keys are worth, and whether it fails.

use std::{
    ops::{Add, ControlFlow},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use cache_core::{
    Backoff, Error, Key, LogSum, Pause, Timestamp, Warm,
    sync::{Mutex, MutexGuard},
};

use super::{call_times::CallTimes, set_aside::SetAside};
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
    asked: Mutex<Asked>,
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
    /// For how long it is left alone.
    pause: Pause,
    set_aside: SetAside,
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
    /// Whether it was of no use the last time.
    pub(crate) is_suspect: bool,
}

/// Calls that were made for what callers asked for, and the keys in them: all that the cache tells of, less those
/// that warming made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    calls: i64,
    keys: i64,
}

impl Asked {
    /// Notes a call, be it for callers or not.
    pub(crate) fn add(&mut self, keys: usize) {
        self.calls += 1;
        self.keys += keys as i64;
    }

    /// Notes that a call was none of callers.
    pub(crate) fn take_off(&mut self, keys: usize) {
        self.calls -= 1;
        self.keys -= keys as i64;
    }

    /// Returns how many keys callers ask for in a call, on average.
    pub(crate) fn keys_per_call(self) -> f64 {
        if self.calls <= 0 { 1.0 } else { (self.keys as f64 / self.calls as f64).max(1.0) }
    }
}

impl Add for Asked {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { calls: self.calls + other.calls, keys: self.keys + other.keys }
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
            pause: Pause::NONE,
            set_aside: SetAside::default(),
        };
        Self {
            kind: target.kind().to_owned(),
            target: WarmTarget(target),
            settings,
            state: Mutex::new(state),
            calls: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            asked: Mutex::default(),
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
            if left > soon || state.set_aside.has(&key, now) {
                continue;
            }
            let is_suspect = state.set_aside.knows(&key);
            let rate = records.rate_at(*place);
            let within = |seconds: f32| -(-rate * seconds).exp_m1();
            let (read, saved) = (within(life), within((life - left.as_secs_f32()).max(0.0)));
            if take(Candidate { key, place: *place, read, saved, left, is_suspect }).is_break() {
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

    /// Returns how many free places of a call may be filled: fewer after one that failed.
    pub(crate) fn places(&self, keys: usize, free: usize) -> usize {
        let state = self.state.lock();
        state.times.places(keys, free).min(state.most_keys)
    }

    /// Leaves a key alone for a while, longer each time.
    pub(crate) fn set_aside(&self, key: &Key, now: Timestamp) {
        self.state.lock().set_aside.add(key, now);
    }

    /// Whether a key was of no use the last time, so that it may be at fault when a call fails.
    pub(crate) fn is_suspect(&self, key: &Key) -> bool {
        self.state.lock().set_aside.knows(key)
    }

    /// Whether a key is left alone.
    pub(crate) fn is_set_aside(&self, key: &Key, now: Timestamp) -> bool {
        self.state.lock().set_aside.has(key, now)
    }

    /// Notes that a key came.
    pub(crate) fn came_again(&self, key: &Key) {
        self.state.lock().set_aside.remove(key);
    }

    /// Returns the calls that were made for what callers asked for.
    pub(crate) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock()
    }

    /// Whether it failed a short while ago.
    pub(crate) fn is_paused(&self, now: Timestamp) -> bool {
        self.state.lock().pause.lasts(now)
    }

    /// Notes that a call of so many keys failed: the kind is left alone for a while, longer each time and as
    /// long as its source asks for, and is then asked for half as many keys.
    pub(crate) fn failed(&self, keys: usize, error: &Error, now: Timestamp) {
        let mut state = self.state.lock();
        state.most_keys = (state.most_keys.min(keys) / 2).max(1);
        let asked = error.retry_after().unwrap_or_default();
        if !state.pause.lasts(now) || !asked.is_zero() {
            let pause = state.pauses.pause_at_least_half().max(asked.min(*PAUSES.end()));
            state.pause = Pause::new(now, pause.max(state.pause.left(now)));
        }
    }

    /// Leaves the kind alone for the shortest while: its source fails callers, for their keys or altogether.
    pub(crate) fn rest(&self, now: Timestamp) {
        let mut state = self.state.lock();
        if !state.pause.lasts(now) {
            state.pause = Pause::new(now, *PAUSES.start());
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
        // Some are older than they seem, so what lives longer tells more; but one alone tells little.
        state.life = if life > state.life {
            life.min(state.life + state.life / 8)
        } else {
            (state.life * 31 + life) / 32
        };
    }
}

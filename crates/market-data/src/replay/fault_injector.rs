//! Injects failures into a replay, switchable while calls are under way.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

/// Makes calls of a replay fail or hang. Nothing is injected at first.
#[derive(Debug)]
pub struct FaultInjector {
    mode: watch::Sender<Mode>,
    fail_next: AtomicU64,
    /// The bits of an `f64`.
    rate: AtomicU64,
    seed: u64,
    calls: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Answer,
    Fail,
    Hang,
}

impl FaultInjector {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            mode: watch::Sender::new(Mode::Answer),
            fail_next: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            seed,
            calls: AtomicU64::new(0),
        }
    }

    /// Stops all faults: hanging calls go on.
    pub fn heal(&self) {
        self.fail_next.store(0, Ordering::Relaxed);
        self.rate.store(0, Ordering::Relaxed);
        self.mode.send_replace(Mode::Answer);
    }

    /// Fails every call from now on.
    pub fn fail_all(&self) {
        self.mode.send_replace(Mode::Fail);
    }

    /// Fails the next `calls` calls.
    pub fn fail_next(&self, calls: u64) {
        self.fail_next.store(calls, Ordering::Relaxed);
    }

    /// Fails a share of all calls, chosen by the seed.
    ///
    /// # Errors
    ///
    /// `Config` outside `0.0..=1.0`.
    pub fn fail_rate(&self, share: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&share) {
            let message = format!("the failure rate {share} is not a share: give one from 0.0 to 1.0");
            return Err(Error::new(ErrorKind::Config, "replay", message));
        }
        self.rate.store(share.to_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Makes every call hang, until [`FaultInjector::heal`] or [`FaultInjector::fail_all`].
    pub fn hang(&self) {
        self.mode.send_replace(Mode::Hang);
    }

    /// Waits while calls hang; then returns whether this one fails.
    pub(super) async fn strike(&self) -> bool {
        let mut mode = self.mode.subscribe();
        // The sender lives as long as `self`, so the wait can't fail.
        let mode = mode.wait_for(|mode| *mode != Mode::Hang).await.map_or(Mode::Answer, |mode| *mode);
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let counted =
            self.fail_next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let rate = f64::from_bits(self.rate.load(Ordering::Relaxed));
        mode == Mode::Fail || counted.is_ok() || unit(self.seed, call) < rate
    }
}

/// Returns a number in `0.0..1.0` for each call: splitmix64 (Steele, Lea, Flood 2014) from the seed.
fn unit(seed: u64, call: u64) -> f64 {
    let mut word = seed.wrapping_add((call + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

//! The clocks of the operating system, in microseconds.

use std::time::{SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub(super) fn wall() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(span) => i64::try_from(span.as_micros()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{coarse_steady, coarse_wall, steady};

/// The kernel's clocks, in microseconds.
#[cfg(target_os = "linux")]
mod linux {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    /// How far a coarse clock may be behind: one tick, and one until the kernel records it.
    static MAX_COARSE_LAG: LazyLock<i64> =
        LazyLock::new(|| 2 * micros(clock_getres(ClockId::RealtimeCoarse)));

    fn micros(Timespec { tv_sec, tv_nsec }: Timespec) -> i64 {
        tv_sec.saturating_mul(1_000_000).saturating_add(tv_nsec / 1_000)
    }

    pub(in crate::time) fn steady() -> i64 {
        micros(clock_gettime(ClockId::Monotonic))
    }

    #[inline]
    pub(in crate::time) fn coarse_wall() -> i64 {
        micros(clock_gettime(ClockId::RealtimeCoarse)).saturating_add(*MAX_COARSE_LAG)
    }

    #[inline]
    pub(in crate::time) fn coarse_steady() -> i64 {
        micros(clock_gettime(ClockId::MonotonicCoarse)).saturating_add(*MAX_COARSE_LAG)
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{coarse_steady, coarse_wall, steady};

/// The clocks of the standard library, in microseconds.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::{sync::LazyLock, time::Instant};

    pub(in crate::time) fn steady() -> i64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        i64::try_from(START.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    pub(in crate::time) fn coarse_wall() -> i64 {
        super::wall()
    }

    pub(in crate::time) fn coarse_steady() -> i64 {
        steady()
    }
}

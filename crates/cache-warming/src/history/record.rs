//! What is remembered of a key: how often it was asked for, when, and what became of it when it was warmed.

use smol_str::SmolStr;

use super::{profile::HourProfile, stream::RequestStream};
use crate::effect::FetchMark;

/// The half-lives by which requests are forgotten, in seconds of the [demand clock](crate::RequestStream): half
/// an hour, three hours, eighteen hours, four and a half days.
pub const HALF_LIVES: [f32; 4] = [1800.0, 10_800.0, 64_800.0, 388_800.0];

/// Requests by half-life.
pub type Decayed = [f32; HALF_LIVES.len()];

/// A span in a byte, to five percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogSpan(u8);

impl LogSpan {
    /// How many steps there are until a span is twice as long.
    const STEPS: f64 = 8.0;

    pub(crate) fn of(seconds: u32) -> Self {
        Self((f64::from(seconds.max(1)).log2() * Self::STEPS).round() as u8)
    }

    pub(crate) fn seconds(self) -> f64 {
        (f64::from(self.0) / Self::STEPS).exp2()
    }
}

/// What is remembered of a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyRecord {
    /// The key without its prefix.
    pub(crate) id: SmolStr,
    /// The place of its kind in the list of kinds.
    pub(crate) kind: u8,
    /// What last fetched it beforehand, while it is not known what became of that.
    pub(crate) warmed: FetchMark,
    /// How long what was fetched beforehand lives in all.
    pub(crate) life: LogSpan,
    /// What the demand clock showed up to which the counts are decayed: that of the last request.
    pub(crate) seen: u32,
    /// The second of the last request.
    pub(crate) asked: u32,
    /// The second at which what was fetched beforehand dies, and that until which it is not needed, since what
    /// was there before lives as long.
    pub(crate) warmed_until: u32,
    pub(crate) needed_from: u32,
    /// The requests, each half-life forgetting in its own time.
    pub(crate) counts: Decayed,
    /// When in the day and the week it is asked for.
    pub(crate) profile: HourProfile,
    /// The place of the key that is missed soon after it more often than not, and how often it is more.
    pub(crate) follower: u32,
    pub(crate) followed: u8,
}

impl KeyRecord {
    pub(crate) fn new(id: SmolStr, kind: u8, now: u32) -> Self {
        Self {
            id,
            kind,
            warmed: FetchMark::NOT,
            life: LogSpan::of(0),
            seen: 0,
            asked: now,
            warmed_until: 0,
            needed_from: 0,
            counts: Decayed::default(),
            profile: HourProfile::default(),
            follower: u32::MAX,
            followed: 0,
        }
    }

    /// Adds requests that came at `now`.
    pub(crate) fn add(&mut self, times: f32, stream: &RequestStream, now: u32) {
        self.counts = self.counts_at(stream);
        self.counts.iter_mut().for_each(|count| *count += times);
        self.seen = stream.ticks();
        self.asked = self.asked.max(now);
    }

    /// Returns the counts as they are now.
    pub(crate) fn counts_at(&self, stream: &RequestStream) -> Decayed {
        decayed(self.counts, stream.since(self.seen))
    }

    /// Notes that the key was missed, which key was missed next, and whether the one that is thought to follow it
    /// was among those missed soon after: as long as it is so more often than not, it stays.
    pub(crate) fn note_follower(&mut self, next: u32, is_followed: bool) {
        match (is_followed, self.followed) {
            (true, _) => self.followed = self.followed.saturating_add(1),
            (false, 0) => (self.follower, self.followed) = (next, 1),
            (false, _) => self.followed -= 1,
        }
    }
}

/// Returns what is left of `counts` after so many seconds.
pub(crate) fn decayed(mut counts: Decayed, seconds: f32) -> Decayed {
    if seconds > 0.0 {
        for (count, half_life) in counts.iter_mut().zip(HALF_LIVES) {
            *count *= (-seconds / half_life).exp2();
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prop_assert, proptest};

    use super::{HALF_LIVES, KeyRecord};
    use crate::history::stream::RequestStream;

    proptest! {
        #[test]
        fn each_request_counts_half_as_much_after_each_half_life(gaps in vec(0..100_000_u32, 1..50)) {
            let (mut record, mut stream, mut now) = (KeyRecord::new("AAPL".into(), 0, 1), RequestStream::default(), 1);
            stream.pass(now);
            let mut at = Vec::new();
            for gap in gaps {
                now += gap;
                stream.pass(now);
                stream.pass_requests(1.0);
                at.push(stream.ticks());
                record.add(1.0, &stream, now);
            }
            stream.pass(now + 1000);
            for (counted, half_life) in record.counts_at(&stream).into_iter().zip(HALF_LIVES) {
                let left = |at: &u32| (-stream.since(*at) / half_life).exp2();
                let expected: f32 = at.iter().map(left).sum();
                prop_assert!((counted - expected).abs() <= 2e-3 * expected + 1e-6, "{counted} {expected}");
            }
        }
    }
}

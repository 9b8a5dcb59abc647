//! What became of what was fetched beforehand: whether it was read before it died, and whether that saved a call.

use serde::Serialize;

use crate::history::record::{KeyRecord, LogSpan};

/// How many strategies are told apart.
pub(crate) const MAX_STRATEGIES: usize = 32;

/// Which strategy fetched a key beforehand, and whether that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchMark(u8);

impl FetchMark {
    /// It was not, or all is known of it.
    pub(crate) const NOT: Self = Self(0);
    const READ: u8 = 0x80;

    fn by(strategy: usize) -> Self {
        Self(strategy as u8 + 1)
    }

    fn strategy(self) -> Option<usize> {
        usize::from(self.0 & !Self::READ).checked_sub(1)
    }

    fn is_read(self) -> bool {
        self.0 & Self::READ != 0
    }
}

/// What became of what one strategy fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Effectiveness {
    /// Keys that were fetched beforehand and came.
    pub fetched: u64,
    /// Those that were read before they died.
    pub read: u64,
    /// Those that died, were replaced or were ended before anybody read them.
    pub unread: u64,
    /// Those that were read after what they replaced would have died: each saved the call of a miss.
    pub saved: u64,
}

impl Effectiveness {
    /// Returns the share of those of which all is known that were read, or `None` while there are none.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let known = self.read + self.unread;
        (known > 0).then(|| self.read as f64 / known as f64)
    }
}

/// What became of what was fetched, by strategy. Each key is counted once for each fetch, for the strategy that
/// fetched it.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    by_strategy: [Effectiveness; MAX_STRATEGIES],
    /// The calls that all of it saved, as parts: what was fetched before it was needed dies sooner than what would
    /// have been loaded when it was.
    saved_calls: f64,
}

impl Effect {
    /// Returns how many calls all of it saved, if each had been for one key.
    pub(crate) fn saved_calls(&self) -> f64 {
        self.saved_calls
    }

    pub(crate) fn of(&self, strategy: usize) -> Effectiveness {
        self.by_strategy[strategy]
    }

    /// A strategy fetched a key, whose value lives until `until`.
    pub(crate) fn warmed(&mut self, record: &mut KeyRecord, strategy: usize, now: u32, until: u32) {
        self.end(record);
        record.life = LogSpan::of(until.saturating_sub(now));
        self.by_strategy[strategy].fetched += 1;
        record.warmed = FetchMark::by(strategy);
        record.warmed_until = until;
    }

    /// A key was asked for after `since`, and not missed.
    pub(crate) fn asked(&mut self, record: &mut KeyRecord, since: u32) {
        let Some(strategy) = record.warmed.strategy() else { return };
        if since > record.warmed_until {
            return self.end(record);
        }
        let counted = &mut self.by_strategy[strategy];
        if !record.warmed.is_read() {
            counted.read += 1;
            record.warmed.0 |= FetchMark::READ;
        }
        if since >= record.needed_from {
            counted.saved += 1;
            let left = f64::from(record.warmed_until.saturating_sub(since));
            self.saved_calls += (left / record.life.seconds()).min(1.0);
            record.warmed = FetchMark::NOT;
        }
    }

    /// A key was missed: what was fetched of it is not there any more.
    pub(crate) fn missed(&mut self, record: &mut KeyRecord) {
        self.end(record);
    }

    /// A key is no longer tracked.
    pub(crate) fn forgotten(&mut self, record: &KeyRecord) {
        if let Some(strategy) = record.warmed.strategy()
            && !record.warmed.is_read()
        {
            self.by_strategy[strategy].unread += 1;
        }
    }

    /// Time has passed.
    pub(crate) fn pass(&mut self, record: &mut KeyRecord, now: u32) {
        if record.warmed != FetchMark::NOT && now > record.warmed_until {
            self.end(record);
        }
    }

    fn end(&mut self, record: &mut KeyRecord) {
        self.forgotten(record);
        record.warmed = FetchMark::NOT;
    }
}

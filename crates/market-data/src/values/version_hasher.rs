//! Versions: short texts that are equal, in every process, if and only if the data are (but for hash collisions).

use cache_core::Timestamp;
use xxhash_rust::xxh3::Xxh3Default;

/// Hashes numbers and texts into a version.
#[derive(Default)]
pub(crate) struct VersionHasher(Xxh3Default);

impl VersionHasher {
    pub(crate) fn number(mut self, number: f64) -> Self {
        self.0.update(&number.to_bits().to_le_bytes());
        self
    }

    pub(crate) fn count(mut self, count: u64) -> Self {
        self.0.update(&count.to_le_bytes());
        self
    }

    /// Adds an optional number; `None` differs from every number.
    pub(crate) fn maybe(self, number: Option<f64>) -> Self {
        match number {
            Some(number) => self.count(1).number(number),
            None => self.count(0),
        }
    }

    pub(crate) fn date(mut self, date: jiff::civil::Date) -> Self {
        self.0.update(&date.year().to_le_bytes());
        self.0.update(&[date.month().to_le_bytes(), date.day().to_le_bytes()].concat());
        self
    }

    pub(crate) fn moment(mut self, at: Timestamp) -> Self {
        self.0.update(&at.as_micros().to_le_bytes());
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self = self.count(text.len() as u64);
        self.0.update(text.as_bytes());
        self
    }

    pub(crate) fn finish(self) -> String {
        format!("{:016x}", self.0.digest())
    }
}

//! A short text that is the same for the same data and differs for other data, in every process.

use xxhash_rust::xxh3::Xxh3Default;

/// Digests numbers into a version.
#[derive(Default)]
pub(crate) struct Version(Xxh3Default);

impl Version {
    pub(crate) fn number(mut self, number: f64) -> Self {
        self.0.update(&number.to_bits().to_le_bytes());
        self
    }

    pub(crate) fn count(mut self, count: u64) -> Self {
        self.0.update(&count.to_le_bytes());
        self
    }

    pub(crate) fn date(mut self, date: jiff::civil::Date) -> Self {
        self.0.update(&date.year().to_le_bytes());
        self.0.update(&[date.month().to_le_bytes(), date.day().to_le_bytes()].concat());
        self
    }

    pub(crate) fn finish(self) -> String {
        format!("{:016x}", self.0.digest())
    }
}

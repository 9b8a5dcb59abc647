//! All requests together: how many there were, how many there are a second, and the clock that they drive.

use super::record::{Decayed, HALF_LIVES};

/// The half-lives of the present rate and of the usual one, in seconds.
const RATE_HALF_LIVES: [f64; 2] = [120.0, 3600.0];

/// The half-life of the mean gap between requests, in seconds, and the longest that it is.
const GAP_HALF_LIFE: f64 = 259_200.0;
const LONGEST_GAP: f64 = 3600.0;

/// How many requests may have been missing by chance in a silence: one in a hundred and fifty is as long.
const SILENCE: f64 = 5.0;

/// How many ticks of the demand clock a second has.
const TICKS: f64 = 8.0;

/// All requests of all keys.
///
/// What is counted of a key is forgotten by a clock of its own, which goes half by seconds and half by requests: a
/// night in which nobody asks ages what was learnt half as much as a busy day.
#[derive(Clone, Debug, Default)]
pub struct RequestStream {
    /// The requests of all keys, decayed as those of each are.
    totals: [f64; HALF_LIVES.len()],
    /// The demand clock, in seconds.
    clock: f64,
    rates: [f64; 2],
    /// Requests, and the seconds in which they came.
    requests: f64,
    seconds: f64,
    at: u32,
    /// The second of the last request.
    asked: u32,
}

impl RequestStream {
    /// Lets time pass.
    pub(crate) fn pass(&mut self, now: u32) {
        let span = f64::from(now.saturating_sub(self.at));
        if span == 0.0 {
            return;
        }
        if self.at > 0 {
            let kept = (-span / GAP_HALF_LIFE).exp2();
            self.requests *= kept;
            self.seconds = self.seconds * kept + span;
            self.advance(span / 2.0);
        }
        for (rate, half_life) in self.rates.iter_mut().zip(RATE_HALF_LIVES) {
            *rate *= (-span / half_life).exp2();
        }
        self.at = now;
    }

    /// Adds requests, which the demand clock goes by.
    pub(crate) fn pass_requests(&mut self, times: f64) {
        self.requests += times;
        let gap = (self.seconds / self.requests.max(1.0)).min(LONGEST_GAP);
        self.advance(times * gap / 2.0);
        self.rates.iter_mut().for_each(|rate| *rate += times);
        if times > 0.0 {
            self.asked = self.at;
        }
    }

    /// Adds requests of a key to those of all.
    pub(crate) fn count(&mut self, times: f32) {
        self.totals.iter_mut().for_each(|total| *total += f64::from(times));
    }

    fn advance(&mut self, span: f64) {
        for (total, half_life) in self.totals.iter_mut().zip(HALF_LIVES) {
            *total *= (-span / f64::from(half_life)).exp2();
        }
        self.clock += span;
    }

    /// What the demand clock shows, in eighths of a second.
    pub(crate) fn ticks(&self) -> u32 {
        (self.clock * TICKS) as u32
    }

    /// Returns the seconds of the demand clock since it showed this.
    pub(crate) fn since(&self, ticks: u32) -> f32 {
        // In whole ticks: what has passed of one is still to come for whoever noted it.
        self.ticks().saturating_sub(ticks) as f32 / TICKS as f32
    }

    /// Returns the requests of all keys, decayed as those of each are.
    #[must_use]
    pub fn totals(&self) -> Decayed {
        self.totals.map(|total| total as f32)
    }

    /// Returns how many requests there are a second, as of the last minutes.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let recent = self.rates[0] * std::f64::consts::LN_2 / RATE_HALF_LIVES[0];
        // Where nobody asks any more, silence tells sooner than the half-life does.
        let idle = f64::from(self.at.saturating_sub(self.asked));
        if idle > 0.0 { recent.min(SILENCE / idle) } else { recent }
    }

    /// Returns how many there are a second, as of the last hours.
    #[must_use]
    pub fn usual_rate(&self) -> f64 {
        self.rates[1] * std::f64::consts::LN_2 / RATE_HALF_LIVES[1]
    }

    /// Adds totals that were saved: the rates are of what comes.
    pub(crate) fn restore(&mut self, totals: Decayed) {
        self.totals.iter_mut().zip(totals).for_each(|(total, saved)| *total += f64::from(saved));
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestStream, SILENCE};

    #[test]
    fn where_nobody_asks_any_more_silence_tells_sooner_than_the_half_life() {
        let mut stream = RequestStream::default();
        for second in 1..=600 {
            stream.pass(second);
            stream.pass_requests(10.0);
        }
        assert!((stream.rate() - 10.0).abs() < 1.0, "{}", stream.rate());
        stream.pass(610);
        assert!(stream.rate() <= SILENCE / 10.0, "{}", stream.rate());
        stream.pass_requests(1.0);
        assert!(stream.rate() > 9.0, "they ask again: {}", stream.rate());
    }
}

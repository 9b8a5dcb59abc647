//! Predictors: how many requests are expected of a key.

mod linear;
pub(crate) mod regression;
pub(crate) mod seed_score;

use std::fmt;

use crate::history::{
    profile::LocalHour,
    record::{Decayed, KeyRecord},
    stream::RequestStream,
};

/// What predicts how often a key will be asked for, from what is remembered of it and of all requests.
pub trait Predictor: fmt::Debug + Send + 'static {
    /// Learns from what is known now. Called each second or so, when requests were taken into the history.
    fn learn(&mut self, keys: &Keys<'_>);

    /// Returns how many requests of a key are expected a second, from now on for some minutes.
    fn rate(&self, demand: &Demand<'_>) -> f32;
}

/// What is known of the requests of all tracked keys.
#[derive(Debug)]
pub struct Keys<'a> {
    pub(crate) list: &'a [KeyRecord],
    pub(crate) stream: &'a RequestStream,
    pub(crate) now: u32,
    pub(crate) hour: LocalHour,
    pub(crate) moves: u32,
}

impl Keys<'_> {
    /// Returns how many keys are tracked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns what is known of the key at a place, from 0.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<Demand<'_>> {
        Some(Demand::new(self.list.get(place)?, self.stream, self.now, self.hour))
    }

    /// Returns the second that it is, since 1970.
    #[must_use]
    pub fn now(&self) -> u32 {
        self.now
    }

    /// Returns how often keys moved from place to place, which they do when some are forgotten.
    #[must_use]
    pub fn moves(&self) -> u32 {
        self.moves
    }

    /// Returns all requests.
    #[must_use]
    pub fn stream(&self) -> &RequestStream {
        self.stream
    }
}

/// What is known of the requests of a key.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    record: &'a KeyRecord,
    stream: &'a RequestStream,
    now: u32,
    hour: LocalHour,
}

impl<'a> Demand<'a> {
    pub(crate) fn new(record: &'a KeyRecord, stream: &'a RequestStream, now: u32, hour: LocalHour) -> Self {
        Self { record, stream, now, hour }
    }

    /// Returns the requests so far, decayed by each of the [half-lives](crate::HALF_LIVES).
    #[must_use]
    pub fn counts(&self) -> Decayed {
        self.record.counts_at(self.stream)
    }

    /// Returns all requests.
    #[must_use]
    pub fn stream(&self) -> &'a RequestStream {
        self.stream
    }

    /// Returns the second in which the key was last asked for, since 1970.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.record.asked
    }

    /// Returns how many seconds ago that was.
    #[must_use]
    pub fn since_asked(&self) -> u32 {
        self.now.saturating_sub(self.record.asked)
    }

    /// Returns the same in seconds of the [demand clock](RequestStream).
    #[must_use]
    pub fn demand_since_asked(&self) -> f32 {
        self.stream.since(self.record.seen)
    }

    /// Whether this is one of the key's busiest hours of the day.
    #[must_use]
    pub fn is_busy_hour(&self, of: usize) -> bool {
        self.record.profile.is_busy(self.hour, of)
    }

    /// Returns how often the key is asked for in this hour of the day, where one is its mean over the day; with
    /// little known of it, near one.
    #[must_use]
    pub fn hour_factor(&self) -> f32 {
        factor(self.record.profile.of_hour(self.hour), 24.0)
    }

    /// The same for this day of the week.
    #[must_use]
    pub fn day_factor(&self) -> f32 {
        factor(self.record.profile.of_day(self.hour), 7.0)
    }
}

/// How many times its mean one of several counts is, drawn towards one as if each had been seen twice more.
fn factor((count, all): (u32, u32), parts: f32) -> f32 {
    const DRAWN: f32 = 2.0;
    (count as f32 + DRAWN) / (all as f32 / parts + DRAWN)
}

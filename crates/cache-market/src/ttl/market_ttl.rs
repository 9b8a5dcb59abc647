//! The policy by which market data live: as the table says, and never past the next change.

use std::{fmt, time::Duration};

use cache_core::{Key, Timestamp, Ttl, TtlPolicy};

use super::{Changes, Life, MarketTime, Scope, TtlRules, change::next_change};
use crate::StandardKey;
use market_calendar::Phase;
use market_data::{Asset, DataType, Interval, moment::to_jiff};

/// How long values of one kind live: a policy for a region.
///
/// The table says how long, by the type of the asset and the phase of its market; the interval of a series and
/// the volatility of its asset change that. No life reaches past the next moment at which the value can
/// change: a price that is cached a minute before the open dies at the open, daily bars once the close has
/// settled, and anything when an event that touches it is due.
///
/// The asset is read from the key: see [`StandardKey`]. A key that names none, and a market without a
/// calendar, live by the table's open row at all times.
///
/// ```
/// use cache_core::{Timestamp, TtlPolicy};
/// use cache_market::{MarketTime, StandardKey};
/// use market_data::{DataType, Quote};
///
/// let prices = MarketTime::default().ttl(DataType::Price);
/// let key = "price:AAPL".parse::<StandardKey>()?.key()?;
/// let half_past_nine_less_one: jiff::Timestamp = "2020-01-02T09:29:00-05:00".parse().unwrap();
///
/// let born = Timestamp::from_micros(half_past_nine_less_one.as_microsecond());
/// let quote: Option<&Quote> = None;
/// assert_eq!(prices.ttl(&key, quote, born).life.as_secs(), 60);
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone)]
pub struct MarketTtl {
    data: DataType,
    time: MarketTime,
}

/// What the life of a value depends on.
struct Conditions<'a> {
    rules: &'a TtlRules,
    scope: Scope,
    changes: Changes,
    phase: Phase,
    /// The next moment at which the value can change, where somebody knows.
    change: Option<Timestamp>,
    now: Timestamp,
}

impl MarketTtl {
    pub(super) fn new(data: DataType, time: MarketTime) -> Self {
        Self { data, time }
    }

    /// Returns how long a value under `key` lives that was born at `now`, or the knowledge that there is none.
    #[must_use]
    pub fn of(&self, key: &Key, absent: bool, now: Timestamp) -> Ttl {
        let named = StandardKey::of(key).or_else(|_| StandardKey::read(self.data.as_str(), key.id())).ok();
        let snapshot = self.time.snapshot();
        let rules = &*snapshot.rules;
        let asset = named.as_ref().and_then(StandardKey::asset);
        let interval = named.as_ref().and_then(StandardKey::interval);
        let data = match named {
            // Users and their sessions share a kind.
            Some(StandardKey::Session(_)) => DataType::Session,
            _ => self.data,
        };

        let scope = Scope { data, asset_type: asset.map(|asset| asset.asset_type) };
        let calendar = asset.and_then(|asset| snapshot.calendars.of(asset.market));
        let changes = match (rules.changes(scope), interval) {
            // Bars within a day come and go while there is trading.
            (Changes::Close, Some(interval)) if interval.is_intraday() => Changes::Trading,
            (changes, _) => changes,
        };
        let case = Conditions {
            rules,
            scope,
            changes,
            phase: calendar.map_or(Phase::Open, |calendar| calendar.phase(to_jiff(now))),
            change: calendar.and_then(|calendar| next_change(calendar, changes, now, rules.settle)),
            now,
        };

        let mut life = case.table(interval);
        if let Some(asset) = asset {
            life = self.swung(&case, asset, life);
        }
        if absent {
            life = life.min(case.span(rules.absent));
        }
        let event = asset.and_then(|asset| self.time.touched(asset, data, rules, now));
        let life =
            [case.change, event].into_iter().flatten().fold(life, |life, end| life.min(end.since(now)));
        Ttl::new(life).grace(life.saturating_add(rules.stale_for(scope))).normalised()
    }

    /// Returns the life after a look at how the asset's price swings, while it is traded.
    fn swung(&self, case: &Conditions<'_>, asset: &Asset, life: Duration) -> Duration {
        let traded = Changes::Extended.may_be_in(case.phase);
        let Some(volatility) = case.rules.volatility(case.scope).filter(|_| traded) else { return life };
        self.time.swing(asset, case.now).map_or(life, |swing| volatility.life(life, swing))
    }
}

impl Conditions<'_> {
    /// Returns what the table says of values at this interval.
    fn table(&self, interval: Option<Interval>) -> Duration {
        let life = self.rules.life(self.scope, self.phase);
        match interval {
            // What can't change meanwhile doesn't, at any interval.
            Some(interval) if life != Life::UntilChange => {
                self.rules.frequency.scale(self.span(life), interval)
            }
            _ => self.span(life),
        }
    }

    fn span(&self, life: Life) -> Duration {
        match life {
            Life::For(span) => span,
            Life::LifeClass(class) => self.rules.classes.of(class),
            // Of what may change at any moment, and of what nobody knows when it does, "until it does" is short.
            Life::UntilChange => match self.change {
                Some(change) if !self.changes.may_be_in(self.phase) => change.since(self.now),
                _ => self.rules.classes.short,
            },
        }
    }
}

impl<V> TtlPolicy<V> for MarketTtl {
    fn ttl(&self, key: &Key, value: Option<&V>, now: Timestamp) -> Ttl {
        self.of(key, value.is_none(), now)
    }
}

impl fmt::Debug for MarketTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MarketTtl").field(&self.data).finish()
    }
}

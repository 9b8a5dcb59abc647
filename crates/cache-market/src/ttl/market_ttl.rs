//! The policy of a region of market data: a life by the table, and never past the next change.

use std::{fmt, time::Duration};

use cache_core::{Key, Timestamp, Ttl, TtlPolicy};

use super::{Changes, Life, MarketTime, Scope, TtlRules, change::next_change};
use crate::StandardKey;
use market_calendar::Phase;
use market_data::{Asset, DataType, Interval, moment::to_jiff};

/// The longest life of a value that lives until its company reports: a date may be moved without word of it.
pub(crate) const MAX_LIFE_UNTIL_REPORT: Duration = Duration::from_secs(31 * 86_400);

/// The policy for a region of one kind of data.
///
/// The table gives the life by the type of the asset and the phase of its market; the interval of a series and the
/// volatility of its asset change it. No life reaches past the next moment at which the value can change: a price
/// cached a minute before the open expires at the open, daily bars once the close has settled, and any value
/// when an event that affects it is due.
///
/// The asset is read from the key: see [`StandardKey`]. For a key without an asset, and a market without a
/// calendar, the table's open row holds at all times.
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

/// The conditions on which the life of a value depends.
struct Conditions<'a> {
    rules: &'a TtlRules,
    scope: Scope,
    changes: Changes,
    phase: Phase,
    /// The next moment at which the value can change, if known.
    change: Option<Timestamp>,
    now: Timestamp,
}

impl MarketTtl {
    pub(super) fn new(data: DataType, time: MarketTime) -> Self {
        Self { data, time }
    }

    /// Returns the lives of a value under `key` that is born at `now`; `absent` is for the absence of one.
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
            // Intraday bars change during trading.
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
            life = self.adjusted_by_volatility(&case, asset, life);
        }
        if let Some(asset) = asset
            && changes == Changes::Reports
            && !life.is_zero()
            && let Some(report) = self.time.next_report(asset, now)
        {
            life = report.since(now).min(MAX_LIFE_UNTIL_REPORT);
        }
        if absent {
            life = life.min(case.span(rules.absent));
        }
        let event = asset.and_then(|asset| self.time.next_event_for(asset, data, rules, now));
        let life =
            [case.change, event].into_iter().flatten().fold(life, |life, end| life.min(end.since(now)));
        Ttl::new(life).grace(rules.grace(scope, life)).normalised()
    }

    /// Adjusts the life by the volatility of the asset, while it is traded.
    fn adjusted_by_volatility(&self, case: &Conditions<'_>, asset: &Asset, life: Duration) -> Duration {
        let traded = Changes::Extended.may_be_in(case.phase);
        let Some(volatility) = case.rules.volatility(case.scope).filter(|_| traded) else { return life };
        self.time.swing(asset, case.now).map_or(life, |swing| volatility.life(life, swing))
    }
}

impl Conditions<'_> {
    /// Returns the table's life, scaled by the interval.
    fn table(&self, interval: Option<Interval>) -> Duration {
        let life = self.rules.life(self.scope, self.phase);
        match interval {
            // `until_change` is not scaled: until then no interval's bars change.
            Some(interval) if life != Life::UntilChange => {
                self.rules.frequency.scale(self.span(life), interval)
            }
            _ => self.span(life),
        }
    }

    fn span(&self, life: Life) -> Duration {
        match life {
            Life::For(span) => span,
            Life::Class(class) => self.rules.classes.of(class),
            // Short for a value that can change at any moment, or at unknown ones.
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

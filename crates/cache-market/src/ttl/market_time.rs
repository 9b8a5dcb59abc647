//! Market time, shared by all regions: rules, calendars, tracked prices, upcoming events.

use std::sync::Arc;

use cache_core::{Result, Timestamp, sync::RwLock};

use super::{MarketTtl, TtlRules};
use crate::{Effect, EventKind, MarketEvent, Swing, events::EventSet, price_tracker::PriceTracker};
use market_calendar::Calendars;
use market_data::{Asset, DataType, Invalid};

/// The rules of lives, the calendars, the tracked prices and the upcoming events.
///
/// One is shared by all regions of a cache; clones share their state. Rules and calendars can be replaced
/// while it is in use.
///
/// ```
/// use cache_market::{Life, MarketTime, Scope, TtlRules};
/// use market_calendar::Calendars;
/// use market_data::DataType;
///
/// let time = MarketTime::new(TtlRules::default(), Calendars::builtin())?;
/// let prices = time.ttl(DataType::Price); // the policy of a region
///
/// let mut rules = TtlRules::clone(&time.rules());
/// rules.row_mut(Scope::all(DataType::Price)).open = Some(Life::seconds(60));
/// time.replace(rules)?; // from now on `prices` lives by these
///
/// let bad: TtlRules = serde_json::from_str(r#"{"frequency": {"minute": -1}}"#).unwrap();
/// assert!(time.replace(bad).is_err());
/// assert_eq!(time.rules().row(DataType::Price).open, Some(Life::seconds(60)), "the old ones are in force");
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug)]
pub struct MarketTime(Arc<State>);

#[derive(Debug)]
struct State {
    snapshot: RwLock<Snapshot>,
    tracker: PriceTracker,
    events: RwLock<EventSet>,
}

/// The rules and calendars, read together.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) rules: Arc<TtlRules>,
    pub(super) calendars: Calendars,
}

impl MarketTime {
    /// Market time with these rules and calendars.
    ///
    /// # Errors
    ///
    /// As [`TtlRules::check`].
    pub fn new(rules: TtlRules, calendars: Calendars) -> Result<Self, Invalid> {
        rules.check()?;
        let snapshot = Snapshot { rules: Arc::new(rules), calendars };
        Ok(Self(Arc::new(State {
            snapshot: RwLock::new(snapshot),
            tracker: PriceTracker::new(),
            events: RwLock::default(),
        })))
    }

    /// Returns the policy for regions of such data.
    #[must_use]
    pub fn ttl(&self, data: DataType) -> MarketTtl {
        MarketTtl::new(data, self.clone())
    }

    /// Returns the rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<TtlRules> {
        self.snapshot().rules
    }

    /// Returns the calendars in force.
    #[must_use]
    pub fn calendars(&self) -> Calendars {
        self.snapshot().calendars
    }

    /// Replaces the rules, for values stored from now on.
    ///
    /// # Errors
    ///
    /// As [`TtlRules::check`]; the old rules then stay in force.
    pub fn replace(&self, rules: TtlRules) -> Result<(), Invalid> {
        rules.check()?;
        self.0.snapshot.write().rules = Arc::new(rules);
        Ok(())
    }

    /// Replaces the calendars.
    pub fn replace_calendars(&self, calendars: Calendars) {
        self.0.snapshot.write().calendars = calendars;
    }

    /// Records the price of an asset at `at`, and returns the event if it has moved.
    /// [`WatchedLoader`](crate::WatchedLoader) does this for prices that are loaded.
    pub fn observe(&self, asset: &Asset, price: f64, at: Timestamp) -> Option<MarketEvent> {
        let rules = self.rules();
        self.0.tracker.observe(asset, price, at, rules.swing_half_life, rules.events.move_percent)?;
        let event = MarketEvent::announced(asset.clone(), EventKind::Move).at(at);
        Some(MarketEvent { seen_in: Some(DataType::Price), ..event })
    }

    /// Returns how far the price of an asset swings; `None` if it is not tracked.
    #[must_use]
    pub fn swing(&self, asset: &Asset, now: Timestamp) -> Option<Swing> {
        self.0.tracker.swing(asset, now, self.rules().swing_half_life)
    }

    /// Returns what is to be done because of an event. One that lies ahead of `now` is noted, no life of what
    /// it touches reaches past it from now on, and [`MarketTime::due`] answers with its effects when it
    /// happens. [`AnnouncedEvents`](crate::AnnouncedEvents) does all this for a cache, and keeps the events in its
    /// tiers.
    ///
    /// # Errors
    ///
    /// `Limit` if too many events are upcoming already, and none of them should give way to this one.
    pub fn announce(&self, event: &MarketEvent, now: Timestamp) -> Result<Vec<Effect>> {
        match event.at {
            Some(at) if at > now => {
                self.0.events.write().announce(event, at, now)?;
                Ok(Vec::new())
            }
            _ => self.rules().events.effects(event),
        }
    }

    /// Returns what is to be done because of the events that have happened by `now`, each once. Whoever
    /// announces events ahead asks for this from time to time, or at [`MarketTime::next_event`]: what was
    /// cached before the announcement may live past the event otherwise.
    ///
    /// # Errors
    ///
    /// As [`EventRules::effects`](crate::EventRules::effects).
    pub fn due(&self, now: Timestamp) -> Result<Vec<Effect>> {
        let rules = self.rules();
        let due = {
            let mut events = self.0.events.write();
            let due = events.due(now);
            events.prune(now);
            due
        };
        let effects: Result<Vec<_>> = due.iter().map(|(event, _)| rules.events.effects(event)).collect();
        Ok(effects?.concat())
    }

    /// Returns the moment of the next upcoming event.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        self.0.events.read().first()
    }

    /// Returns the moment of the asset's next event that affects such data.
    pub(super) fn next_event_for(
        &self,
        asset: &Asset,
        data: DataType,
        rules: &TtlRules,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.0.events.read().end(asset, data, &rules.events, now, now)
    }

    /// Returns when the company next reports, if that is announced.
    pub(super) fn next_report(&self, asset: &Asset, now: Timestamp) -> Option<Timestamp> {
        self.0.events.read().next_of(asset, EventKind::Earnings, now)
    }

    /// Returns the events that are known.
    pub(crate) fn events(&self) -> &RwLock<EventSet> {
        &self.0.events
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.0.snapshot.read().clone()
    }
}

impl Default for MarketTime {
    /// The default rules and the built-in calendars.
    fn default() -> Self {
        match Self::new(TtlRules::default(), Calendars::builtin()) {
            Ok(time) => time,
            Err(invalid) => unreachable!("the default rules are checked by a test: {invalid}"),
        }
    }
}

//! Which data an event affects.

use std::collections::BTreeMap;

use cache_core::Result;
use serde::{Deserialize, Serialize};

use super::{Effect, EventKind, MarketEvent};
use crate::{StandardKey, data_tag};
use market_data::{Asset, DataType, DocumentId, Interval, Invalid, SeriesId};

/// The rules of events. A configuration overrides the defaults event by event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Overlay")]
pub struct EventRules {
    /// From how many percent on a change of price is a move. Default: 3, as in FIML.
    pub move_percent: f64,
    /// What each event affects; an event without an entry affects nothing.
    pub touches: BTreeMap<EventKind, Touch>,
}

/// The kinds of data about its asset that an event affects. No such value lives past the event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Touch {
    /// Invalidated: the next read waits for the new value. For what is wrong after the event.
    pub drop: Vec<DataType>,
    /// Marked stale: the next read refreshes it, and it is served, flagged as stale, while its provider fails. For
    /// what is right but no longer the latest.
    pub stale: Vec<DataType>,
    /// Loaded anew, under its plain key: `price:AAPL`, `ohlcv:AAPL:1d`, `news:AAPL`. Other entries (of one
    /// provider, with parameters) stay until they expire; list the data under `drop` as well to invalidate
    /// them.
    pub refresh: Vec<DataType>,
}

impl Touch {
    /// Returns whether such data are affected.
    #[must_use]
    pub fn includes(&self, data: DataType) -> bool {
        [&self.drop, &self.stale, &self.refresh].into_iter().any(|touched| touched.contains(&data))
    }
}

impl Default for EventRules {
    /// FIML drops narratives on moves above 3 %, earnings and important news; the rest is our choice. What a
    /// provider publishes with the event is stale rather than gone, since that may be late or fail.
    fn default() -> Self {
        use DataType::{
            AdjustedClose, Dividend, Fundamentals, Narrative, News, Ohlcv, Price, Signal, Technical,
            TotalReturn,
        };
        let touch = |drop: &[DataType], stale: &[DataType], refresh: &[DataType]| Touch {
            drop: drop.into(),
            stale: stale.into(),
            refresh: refresh.into(),
        };
        Self {
            move_percent: 3.0,
            touches: BTreeMap::from([
                (EventKind::Move, touch(&[Narrative, Technical, Signal], &[], &[Price])),
                (EventKind::Earnings, touch(&[Narrative, Signal], &[Fundamentals, News], &[Price])),
                (EventKind::Halt, touch(&[Narrative, Signal], &[], &[Price])),
                (EventKind::Resume, touch(&[Narrative, Technical, Signal], &[], &[Price])),
                (EventKind::News, touch(&[Narrative, Signal], &[News], &[Price])),
                (
                    EventKind::CorporateAction,
                    touch(
                        &[Price, Ohlcv, AdjustedClose, Dividend, TotalReturn, Technical, Signal, Narrative],
                        &[],
                        &[],
                    ),
                ),
            ]),
        }
    }
}

impl EventRules {
    /// Returns the effects of an event.
    ///
    /// # Errors
    ///
    /// `Limit` as [`cache_core::Tag::new`], which no valid asset reaches.
    ///
    /// ```
    /// use cache_market::{Effect, EventKind, EventRules, MarketEvent};
    ///
    /// let event = MarketEvent::announced("AAPL".parse()?, EventKind::News);
    /// let effects = EventRules::default().effects(&event)?;
    /// assert!(effects.contains(&Effect::Refresh("price:AAPL".parse()?)));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn effects(&self, event: &MarketEvent) -> Result<Vec<Effect>> {
        let Some(touch) = self.touches.get(&event.event) else { return Ok(Vec::new()) };
        let touched = |data: &&DataType| Some(**data) != event.seen_in;
        let tag = |data: &DataType| data_tag(*data, &event.asset);
        let drops = touch.drop.iter().filter(touched).map(|data| tag(data).map(Effect::Invalidate));
        let marks = touch.stale.iter().filter(touched).map(|data| tag(data).map(Effect::MarkStale));
        let keys = touch.refresh.iter().filter(touched).filter_map(|data| plain_key(*data, &event.asset));
        drops.chain(marks).chain(keys.map(|key| Ok(Effect::Refresh(key)))).collect()
    }

    /// Returns the plain keys of all data that an event affects: what it refreshes as well as what it drops and
    /// marks stale, each once.
    ///
    /// ```
    /// use cache_market::{EventKind, EventRules, MarketEvent};
    ///
    /// let event = MarketEvent::announced("AAPL".parse()?, EventKind::News);
    /// let keys: Vec<String> = EventRules::default().keys(&event).iter().map(ToString::to_string).collect();
    /// assert_eq!(keys, ["price:AAPL", "news:AAPL", "narrative:AAPL"]);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    #[must_use]
    pub fn keys(&self, event: &MarketEvent) -> Vec<StandardKey> {
        let Some(touch) = self.touches.get(&event.event) else { return Vec::new() };
        let all = [&touch.refresh, &touch.stale, &touch.drop].into_iter().flatten();
        let mut keys: Vec<StandardKey> = Vec::new();
        for key in all.filter_map(|data| plain_key(*data, &event.asset)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Returns whether an event affects such data.
    #[must_use]
    pub fn touches(&self, event: EventKind, data: DataType) -> bool {
        self.touches.get(&event).is_some_and(|touch| touch.includes(data))
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if !(self.move_percent > 0.0 && self.move_percent.is_finite()) {
            let wrong = self.move_percent;
            return Err(Invalid::new(format!("events.move_percent is {wrong}: write percent, above 0")));
        }
        for (event, touch) in &self.touches {
            let keyless =
                |data: &&DataType| !data.is_document() && !matches!(data, DataType::Price | DataType::Ohlcv);
            if let Some(data) = touch.refresh.iter().find(keyless) {
                return Err(Invalid::new(format!(
                    "events.touches.{event}.refresh names {data}, which no asset has a key for: it can only be dropped"
                )));
            }
        }
        Ok(())
    }
}

/// Returns the key of such data about an asset without provider or parameters.
fn plain_key(data: DataType, asset: &Asset) -> Option<StandardKey> {
    let asset = asset.clone();
    match data {
        DataType::Price => Some(StandardKey::Price { asset, provider: None }),
        DataType::Ohlcv => Some(StandardKey::Ohlcv(SeriesId::new(asset, Interval::Day))),
        _ if data.is_document() => Some(StandardKey::Document { data, id: DocumentId::new(asset) }),
        _ => None,
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Overlay {
    move_percent: Option<f64>,
    touches: BTreeMap<EventKind, Touch>,
}

impl From<Overlay> for EventRules {
    fn from(overlay: Overlay) -> Self {
        let Self { move_percent, mut touches } = Self::default();
        touches.extend(overlay.touches);
        Self { move_percent: overlay.move_percent.unwrap_or(move_percent), touches }
    }
}

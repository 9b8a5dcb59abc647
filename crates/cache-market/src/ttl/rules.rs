//! The rules of lives: a table by kind of data, type of asset and phase of the market.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Changes, Frequency, Life, LifeClasses, Row, Scope, defaults, human_duration, row::substitutes};
use crate::{EventRules, Volatility};
use market_calendar::Phase;
use market_data::{AssetType, DataType, Invalid};

/// How long values live: a table that can be configured and changed.
///
/// A configuration overrides the defaults cell by cell: `{"rows": {"price": {"open": 60}}}` changes one cell.
/// Durations are seconds or texts such as `"5m"`. Unknown names are refused.
///
/// ```
/// use cache_market::{Life, Scope, TtlRules};
/// use market_calendar::Phase;
/// use market_data::DataType;
///
/// let rules: TtlRules = serde_json::from_str(r#"{"rows": {"price": {"open": "10m"}}}"#)?;
/// rules.check()?;
/// assert_eq!(rules.life(Scope::all(DataType::Price), Phase::Open), Life::seconds(600));
/// assert_eq!(rules.life(Scope::all(DataType::Price), Phase::Weekend), Life::UntilChange);
/// assert!(serde_json::from_str::<TtlRules>(r#"{"rows": {"prize": {}}}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Overlay")]
pub struct TtlRules {
    /// The durations of the classes.
    pub classes: LifeClasses,
    /// For how long past its life a value may still be served while a new one can't be had, where its row
    /// doesn't say. ([`cache_core::Ttl::grace`] counts from birth instead.)
    #[serde(with = "human_duration")]
    pub stale_for: Duration,
    /// The longest life of a remembered absence.
    pub absent: Life,
    /// How long after the close its prices become final: feeds are delayed, and auctions corrected.
    #[serde(with = "human_duration")]
    pub settle: Duration,
    /// How intervals scale lives.
    pub frequency: Frequency,
    /// The half-life of an asset's swing while its price stands still.
    #[serde(with = "human_duration")]
    pub swing_half_life: Duration,
    /// What events affect.
    pub events: EventRules,
    /// The table.
    pub rows: BTreeMap<Scope, Row>,
}

impl Default for TtlRules {
    /// The default table; `ttl/defaults.rs` names the source of each figure.
    fn default() -> Self {
        defaults::rules()
    }
}

impl TtlRules {
    /// Returns the life in this phase. What the scope's own row doesn't say, the data type's row says; what
    /// neither says of the phase, they say of the one that stands in for it: `break` is as `open`, `pre`,
    /// `post` and `weekend` are as `closed`, `holiday` is as `weekend`, and `closed` is as `open`. What no row
    /// says is short.
    #[must_use]
    pub fn life(&self, scope: Scope, phase: Phase) -> Life {
        let said = |phase: &Phase| self.rows_of(scope).find_map(|row| row.at(*phase));
        substitutes(phase).iter().find_map(said).unwrap_or(Life::Class(cache_core::Class::Short))
    }

    /// Returns when such values can change.
    #[must_use]
    pub fn changes(&self, scope: Scope) -> Changes {
        self.rows_of(scope).find_map(|row| row.changes).unwrap_or(Changes::Any)
    }

    /// Returns for how long past their lives such values may still be served.
    #[must_use]
    pub fn stale_for(&self, scope: Scope) -> Duration {
        self.rows_of(scope).find_map(|row| row.stale_for).unwrap_or(self.stale_for)
    }

    /// Returns until what age such values may be served whose life is `life`.
    #[must_use]
    pub fn grace(&self, scope: Scope, life: Duration) -> Duration {
        match self.rows_of(scope).find_map(|row| row.stale_until) {
            Some(age) => age.max(life),
            None => life.saturating_add(self.stale_for(scope)),
        }
    }

    /// Returns how volatility changes the lives of such values.
    #[must_use]
    pub fn volatility(&self, scope: Scope) -> Option<&Volatility> {
        self.rows_of(scope).find_map(|row| row.volatility.as_ref())
    }

    /// Returns the table's row for all values of a data type.
    #[must_use]
    pub fn row(&self, data: DataType) -> Row {
        self.rows.get(&Scope::all(data)).cloned().unwrap_or_default()
    }

    /// Returns the row of a scope, to be changed; adds one if there is none.
    pub fn row_mut(&mut self, scope: Scope) -> &mut Row {
        self.rows.entry(scope).or_default()
    }

    /// Returns the rows that cover a scope, the narrowest first.
    fn rows_of(&self, scope: Scope) -> impl Iterator<Item = &Row> {
        let wider = scope.asset_type.map(|_| Scope::all(scope.data));
        [Some(scope), wider].into_iter().flatten().filter_map(|scope| self.rows.get(&scope))
    }

    /// Checks that the rules are consistent.
    ///
    /// # Errors
    ///
    /// If a row says `until_change` for a phase in which the value can change at any moment, or if a factor
    /// or a step of volatility is invalid: the message names the cell.
    pub fn check(&self) -> Result<(), Invalid> {
        self.frequency.check()?;
        self.events.check()?;
        if self.swing_half_life.is_zero() {
            return Err(Invalid::new(
                "swing_half_life is 0: no swing would ever be measured, write a duration such as \"1h\"",
            ));
        }
        if self.absent == Life::UntilChange {
            return Err(Invalid::new(
                "absent is until_change: an absent value may appear at any moment, write a duration",
            ));
        }
        for (scope, row) in &self.rows {
            self.check_row(*scope)?;
            if let Some(volatility) = &row.volatility {
                volatility.check().map_err(|why| Invalid::new(format!("rows.{scope}.volatility: {why}")))?;
            }
        }
        Ok(())
    }

    /// Checks one row; a row of a data type alone covers assets of any type.
    fn check_row(&self, scope: Scope) -> Result<(), Invalid> {
        let changes = self.changes(scope);
        let moving = [
            Phase::Open,
            Phase::Pre,
            Phase::Post,
            Phase::Break,
            Phase::Closed,
            Phase::Weekend,
            Phase::Holiday,
        ];
        for phase in moving.into_iter().filter(|phase| changes.may_be_in(*phase)) {
            if self.life(scope, phase) == Life::UntilChange {
                return Err(Invalid::new(format!(
                    "rows.{scope} says until_change for the phase {phase:?}, in which such a value can change at any \
                     moment: write a duration, such as \"5m\""
                )));
            }
        }
        Ok(())
    }
}

/// The rules as configured: what is left out has its default.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Overlay {
    classes: LifeClasses,
    #[serde(with = "human_duration::maybe")]
    stale_for: Option<Duration>,
    absent: Option<Life>,
    #[serde(with = "human_duration::maybe")]
    settle: Option<Duration>,
    frequency: Frequency,
    #[serde(with = "human_duration::maybe")]
    swing_half_life: Option<Duration>,
    events: EventRules,
    rows: BTreeMap<Scope, Row>,
}

impl From<Overlay> for TtlRules {
    fn from(overlay: Overlay) -> Self {
        let Self { stale_for, absent, settle, swing_half_life, mut rows, .. } = Self::default();
        for (scope, row) in overlay.rows {
            let under = rows.remove(&scope).unwrap_or_default();
            rows.insert(scope, row.over(under));
        }
        Self {
            classes: overlay.classes,
            stale_for: overlay.stale_for.unwrap_or(stale_for),
            absent: overlay.absent.unwrap_or(absent),
            settle: overlay.settle.unwrap_or(settle),
            frequency: overlay.frequency,
            swing_half_life: overlay.swing_half_life.unwrap_or(swing_half_life),
            events: overlay.events,
            rows,
        }
    }
}

/// Makes a table of rows.
pub(super) fn rows<const N: usize>(rows: [(DataType, Option<AssetType>, Row); N]) -> BTreeMap<Scope, Row> {
    rows.into_iter().map(|(data, asset_type, row)| (Scope { data, asset_type }, row)).collect()
}

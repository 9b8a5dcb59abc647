//! Rows of the table: the lives of one kind of data by phase of its market.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Life, human_duration};
use crate::Volatility;
use market_calendar::Phase;
use market_data::{AssetType, DataType, Invalid};

/// The values a row is for: all of a kind of data (`price`), or those of one type of asset (`price.crypto`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The kind of data.
    pub data: DataType,
    /// The type of asset; `None` is any, and values without an asset.
    pub asset_type: Option<AssetType>,
}

impl Scope {
    /// All values of a data type.
    #[must_use]
    pub const fn all(data: DataType) -> Self {
        Self { data, asset_type: None }
    }

    /// The values of a data type for such assets.
    #[must_use]
    pub const fn of(data: DataType, asset_type: AssetType) -> Self {
        Self { data, asset_type: Some(asset_type) }
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once('.') {
            None => Ok(Self::all(text.parse()?)),
            Some((data, asset_type)) => Ok(Self::of(data.parse()?, asset_type.parse()?)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asset_type {
            None => write!(f, "{}", self.data),
            Some(asset_type) => write!(f, "{}.{asset_type}", self.data),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// When a value can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Changes {
    /// At any moment while its market is open, and for the last time when the close has settled.
    Trading,
    /// As [`Changes::Trading`], and before the open and after the close as well.
    Extended,
    /// Once a session: when the close has settled.
    Close,
    /// When its company reports. While an [earnings](crate::EventKind::Earnings) event of the asset is announced,
    /// the value lives until then, for 31 days at most, and is stale once the event is withdrawn. Without one it
    /// can change at any moment, and the table says how long it lives.
    Reports,
    /// At any moment, whatever its market does.
    Any,
}

/// The lives of the values in a scope. For a field left out, a wider scope or another phase decides: see
/// [`TtlRules::life`](super::TtlRules::life).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// When such a value can change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// The life while the market is open, and if its hours are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Life>,
    /// During a break within the session, such as lunch.
    #[serde(skip_serializing_if = "Option::is_none", rename = "break")]
    pub pause: Option<Life>,
    /// During trading before the open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre: Option<Life>,
    /// During trading after the close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<Life>,
    /// At night.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<Life>,
    /// On days of the week without trading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekend: Option<Life>,
    /// On holidays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holiday: Option<Life>,
    /// For how long past its life a value may still be served while a new one can't be had.
    #[serde(skip_serializing_if = "Option::is_none", with = "human_duration::maybe")]
    pub stale_for: Option<Duration>,
    /// Until what age, from its birth, a value may still be served while a new one can't be had. Counts instead of
    /// `stale_for`, and never ends before the life does.
    #[serde(skip_serializing_if = "Option::is_none", with = "human_duration::maybe")]
    pub stale_until: Option<Duration>,
    /// How volatility of the asset changes the life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volatility: Option<Volatility>,
}

impl Row {
    /// Returns the row's own life in a phase, without a substitute.
    #[must_use]
    pub fn at(&self, phase: Phase) -> Option<Life> {
        match phase {
            Phase::Open => self.open,
            Phase::Break => self.pause,
            Phase::Pre => self.pre,
            Phase::Post => self.post,
            Phase::Closed => self.closed,
            Phase::Weekend => self.weekend,
            Phase::Holiday => self.holiday,
        }
    }

    /// Fills the fields left out from another row.
    #[must_use]
    pub(super) fn over(self, under: Self) -> Self {
        Self {
            changes: self.changes.or(under.changes),
            open: self.open.or(under.open),
            pause: self.pause.or(under.pause),
            pre: self.pre.or(under.pre),
            post: self.post.or(under.post),
            closed: self.closed.or(under.closed),
            weekend: self.weekend.or(under.weekend),
            holiday: self.holiday.or(under.holiday),
            stale_for: self.stale_for.or(under.stale_for),
            stale_until: self.stale_until.or(under.stale_until),
            volatility: self.volatility.or(under.volatility),
        }
    }
}

/// Returns the phases to look up in turn: a phase without a life takes that of the next.
pub(super) fn substitutes(phase: Phase) -> &'static [Phase] {
    match phase {
        Phase::Open => &[Phase::Open],
        Phase::Break => &[Phase::Break, Phase::Open],
        Phase::Pre => &[Phase::Pre, Phase::Closed, Phase::Open],
        Phase::Post => &[Phase::Post, Phase::Closed, Phase::Open],
        Phase::Closed => &[Phase::Closed, Phase::Open],
        Phase::Weekend => &[Phase::Weekend, Phase::Closed, Phase::Open],
        Phase::Holiday => &[Phase::Holiday, Phase::Weekend, Phase::Closed, Phase::Open],
    }
}

//! The span of time that one bar covers.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::Invalid;

macro_rules! intervals {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// How much time one bar covers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Interval {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl Interval {
            /// All of them, shortest first.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the name: `"5m"`, `"1d"`, `"1mo"`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

intervals! {
    /// One minute.
    Minute = "1m",
    /// Two minutes.
    Minutes2 = "2m",
    /// Five minutes.
    Minutes5 = "5m",
    /// Ten minutes.
    Minutes10 = "10m",
    /// A quarter of an hour.
    Minutes15 = "15m",
    /// Half an hour.
    Minutes30 = "30m",
    /// One hour.
    Hour = "1h",
    /// Two hours.
    Hours2 = "2h",
    /// Four hours.
    Hours4 = "4h",
    /// One trading day.
    #[default]
    Day = "1d",
    /// One week.
    Week = "1w",
    /// One month of the calendar.
    Month = "1mo",
    /// Three months of the calendar.
    Quarter = "3mo",
    /// One year of the calendar.
    Year = "1y",
}

impl Interval {
    /// Returns whether a bar covers less than a day. Such a bar is identified by the moment at which it begins, a
    /// longer one by a date.
    #[must_use]
    pub fn is_intraday(self) -> bool {
        self < Self::Day
    }

    /// Returns how much time passes from one bar to the next within a session; `None` for a day
    /// and longer, whose length depends on the calendar.
    ///
    /// ```
    /// use std::time::Duration;
    /// use market_data::Interval;
    ///
    /// assert_eq!(Interval::Minutes5.span(), Some(Duration::from_secs(300)));
    /// assert_eq!(Interval::Month.span(), None);
    /// ```
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        let minutes = match self {
            Self::Minute => 1,
            Self::Minutes2 => 2,
            Self::Minutes5 => 5,
            Self::Minutes10 => 10,
            Self::Minutes15 => 15,
            Self::Minutes30 => 30,
            Self::Hour => 60,
            Self::Hours2 => 120,
            Self::Hours4 => 240,
            Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year => return None,
        };
        Some(Duration::from_secs(60 * minutes))
    }
}

impl FromStr for Interval {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
            let start: String = text.chars().take(16).collect();
            let known = Self::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
            Invalid::new(format!("{start:?} is no interval: there are {known}"))
        })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_its_name() {
        for one in Interval::ALL {
            assert_eq!(one.as_str().parse(), Ok(*one));
            assert_eq!(serde_json::to_string(one).unwrap(), format!("{:?}", one.as_str()));
        }
        assert!("7m".parse::<Interval>().unwrap_err().to_string().contains("1m, 2m, 5m"));
    }

    #[test]
    fn what_is_within_a_day_has_a_length_and_longer_ones_come_later() {
        for one in Interval::ALL {
            assert_eq!(one.span().is_some(), one.is_intraday(), "{one}");
        }
        let spans: Vec<_> = Interval::ALL.iter().filter_map(|one| one.span()).collect();
        assert!(spans.is_sorted());
    }
}

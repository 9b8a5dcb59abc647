//! Bars, and the series they form.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Interval, Invalid, Symbol, version::Version};

/// What an instrument did within one interval: prices in its currency, volume in shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The day, in the exchange's time zone.
    #[serde(with = "crate::date")]
    pub date: Date,
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// The last price, adjusted for the splits and dividends since.
    pub adjusted_close: f64,
    /// How many shares changed hands.
    pub volume: u64,
}

/// All bars of one symbol at one interval, by date, each date once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Whose bars.
    pub symbol: Symbol,
    /// What each covers.
    pub interval: Interval,
    /// The bars, earliest first.
    pub bars: Vec<Bar>,
}

impl Series {
    /// The bars from `from` to `to`, both included; `None` is no bound. An empty slice if `from`
    /// lies after `to`.
    #[must_use]
    pub fn between(&self, from: Option<Date>, to: Option<Date>) -> &[Bar] {
        let start = from.map_or(0, |from| self.bars.partition_point(|bar| bar.date < from));
        let end = to.map_or(self.bars.len(), |to| self.bars.partition_point(|bar| bar.date <= to));
        self.bars.get(start..end).unwrap_or_default()
    }

    /// A text that changes whenever a bar does.
    #[must_use]
    pub fn version(&self) -> String {
        let numbers = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close, bar.adjusted_close];
        let whole = self.bars.iter().fold(Version::default(), |version, bar| {
            numbers(bar).into_iter().fold(version.date(bar.date).count(bar.volume), Version::number)
        });
        whole.finish()
    }
}

/// Which series: a symbol at an interval. Written `AAPL:1d`, which is its id in a cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesId {
    /// Whose bars.
    pub symbol: Symbol,
    /// What each covers.
    pub interval: Interval,
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.symbol, self.interval)
    }
}

impl FromStr for SeriesId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((symbol, interval)) = text.split_once(':') else {
            let start: String = text.chars().take(32).collect();
            return Err(Invalid::new(format!("the series {start:?} has no interval: write it as AAPL:1d")));
        };
        Ok(Self { symbol: symbol.parse()?, interval: interval.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn bar(day: i8) -> Bar {
        let price = f64::from(day);
        Bar {
            date: date(2017, 9, day),
            open: price,
            high: price + 1.0,
            low: price - 1.0,
            close: price,
            adjusted_close: price,
            volume: 10,
        }
    }

    fn series(days: &[i8]) -> Series {
        let bars = days.iter().map(|&day| bar(day)).collect();
        Series { symbol: "AAPL".parse().unwrap(), interval: Interval::Day, bars }
    }

    #[test]
    fn a_range_includes_both_its_ends() {
        let series = series(&[1, 5, 6, 8]);
        let days = |from: Option<i8>, to: Option<i8>| {
            let at = |day: Option<i8>| day.map(|day| date(2017, 9, day));
            series.between(at(from), at(to)).iter().map(|bar| bar.date.day()).collect::<Vec<_>>()
        };
        assert_eq!(days(Some(5), Some(6)), [5, 6]);
        assert_eq!(days(Some(2), Some(7)), [5, 6]);
        assert_eq!(days(None, Some(5)), [1, 5]);
        assert_eq!(days(Some(8), None), [8]);
        assert_eq!(days(None, None), [1, 5, 6, 8]);
        assert!(days(Some(9), None).is_empty() && days(Some(8), Some(1)).is_empty());
    }

    #[test]
    fn a_version_follows_the_data() {
        let first = series(&[1, 5]);
        assert_eq!(first.version(), first.clone().version());
        let mut other = first.clone();
        other.bars[0].volume += 1;
        assert_ne!(first.version(), other.version());
        assert_ne!(first.version(), series(&[1, 6]).version());
    }

    #[test]
    fn a_series_id_is_read_as_it_is_written() {
        let id: SeriesId = "brk-b:1d".parse().unwrap();
        assert_eq!(id.to_string().parse::<SeriesId>().unwrap(), id);
        assert!("AAPL".parse::<SeriesId>().is_err() && "AAPL:5m".parse::<SeriesId>().is_err());
    }

    #[test]
    fn dates_survive_both_codecs_and_stay_small_in_bincode() {
        use cache_core::{Blob, Codec};
        let series = series(&[1, 5]);
        for codec in [Codec::Bincode, Codec::Json] {
            let blob = Blob::encode(codec, 1, &series).unwrap();
            assert_eq!(blob.decode::<Series>(1).unwrap(), series);
        }
        assert!(serde_json::to_string(&bar(1)).unwrap().contains(r#""date":"2017-09-01""#));
        assert!(Blob::encode(Codec::Bincode, 1, &bar(1)).unwrap().bytes.len() <= 46);
    }
}

//! Series of bars, and the ids that name them.

use std::{fmt, ops::Range, str::FromStr, sync::Arc};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Asset, Bar, BarDays, BarTime, Extent, Interval, Invalid, values::version_hasher::VersionHasher};

/// Bars of one asset at one interval, in the order of time, without duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The asset, called `symbol` in JSON.
    #[serde(rename = "symbol")]
    pub asset: Asset,
    /// How much time each bar covers.
    pub interval: Interval,
    /// The bars, earliest first.
    pub bars: Vec<Bar>,
    /// The name of the provider that gave them, once known.
    pub provider: Option<Arc<str>>,
    /// The first day from which there are all bars, where the provider has none from before: no bars of an
    /// earlier day doesn't mean that nothing was traded. `None` if it gave all there are.
    #[serde(default)]
    pub complete_from: Option<Date>,
    /// What a cache knows of the bars; `None` of a series as a provider gives it.
    #[serde(default)]
    pub extent: Option<Extent>,
}

impl Series {
    /// The bars of an asset at an interval, earliest first.
    #[must_use]
    pub fn new(asset: Asset, interval: Interval, bars: Vec<Bar>) -> Self {
        Self { asset, interval, bars, provider: None, complete_from: None, extent: None }
    }

    /// Returns the bars from `from` to `to`, both included; `None` is unbounded. The slice is empty if `from`
    /// lies after `to`. A bar within a day is of the day of its exchange, which may have begun on the evening
    /// before; of the day in UTC if its market has no calendar.
    #[must_use]
    pub fn between(&self, from: Option<Date>, to: Option<Date>) -> &[Bar] {
        self.bars.get(self.places(from, to)).unwrap_or_default()
    }

    /// Returns the places of [`Series::between`] among the bars.
    #[must_use]
    pub fn places(&self, from: Option<Date>, to: Option<Date>) -> Range<usize> {
        let days = BarDays::of(&self.asset, self.interval);
        let start = from.map_or(0, |from| self.bars.partition_point(|bar| days.day(bar) < from));
        let end = to.map_or(self.bars.len(), |to| self.bars.partition_point(|bar| days.day(bar) <= to));
        start..end.max(start)
    }

    /// Returns how many of the bars, from the earliest, are final: they change no more, but by a split, a dividend
    /// or a correction. None, unless a cache knows.
    #[must_use]
    pub fn final_bars(&self) -> usize {
        self.extent.as_ref().map_or(0, |extent| extent.final_bars.min(self.bars.len()))
    }

    /// Returns a text that changes whenever a bar does, or the provider.
    #[must_use]
    pub fn version(&self) -> String {
        let numbers = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close];
        let whole = self.bars.iter().fold(VersionHasher::default(), |version, bar| {
            let version = match bar.time {
                BarTime::Day(date) => version.date(date),
                BarTime::Moment(at) => version.moment(at),
            };
            let version = version
                .count(bar.volume.map_or(0, |volume| volume.wrapping_add(1)))
                .maybe(bar.adjusted_close);
            numbers(bar).into_iter().fold(version, VersionHasher::number)
        });
        let whole = whole.date(self.complete_from.unwrap_or(Date::MIN));
        let whole = match &self.extent {
            // When it was asked for is no part of what it is.
            Some(Extent { from, first, final_bars, basis, asked: _ }) => {
                whole.date(*from).date(*first).count(*final_bars as u64).moment(*basis)
            }
            None => whole,
        };
        whole.text(self.provider.as_deref().unwrap_or_default()).finish()
    }
}

/// Names a series: an asset at an interval, as a whole or between two days.
///
/// Its text, `AAPL:1d` or `BTC@CRYPTO:5m:2020-01-01..2020-01-31`, is its id in a cache.
///
/// ```
/// use market_data::{DateRange, Interval, SeriesId};
///
/// let id: SeriesId = "btc@crypto:5m:2020-01-01..2020-01-31".parse()?;
/// assert_eq!((id.interval, id.range.unwrap().to.day()), (Interval::Minutes5, 31));
/// assert_eq!(id.to_string(), "BTC@CRYPTO:5m:2020-01-01..2020-01-31");
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesId {
    /// The asset.
    pub asset: Asset,
    /// How much time each bar covers.
    pub interval: Interval,
    /// The days; `None` for all there are.
    pub range: Option<DateRange>,
}

impl SeriesId {
    /// The whole series of an asset at an interval.
    #[must_use]
    pub fn new(asset: Asset, interval: Interval) -> Self {
        Self { asset, interval, range: None }
    }

    /// Limits it to a range of days.
    #[must_use]
    pub fn within(self, range: DateRange) -> Self {
        Self { range: Some(range), ..self }
    }
}

/// A range of days in the market's time zone, both ends included; written `2020-01-01..2020-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateRange {
    /// The first day.
    pub from: Date,
    /// The last day, not before the first.
    pub to: Date,
}

impl DateRange {
    /// The days from `from` to `to`.
    ///
    /// # Errors
    ///
    /// If `from` lies after `to`.
    pub fn new(from: Date, to: Date) -> Result<Self, Invalid> {
        if from > to {
            return Err(Invalid::new(format!("{from} lies after {to}: swap them, both days are included")));
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

impl FromStr for DateRange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let days = text.split_once("..").and_then(|(from, to)| Some((day(from)?, day(to)?)));
        let Some((from, to)) = days else {
            let start: String = text.chars().take(32).collect();
            let wanted = "write two days as 2020-01-01..2020-01-31";
            return Err(Invalid::new(format!("{start:?} is no range of days: {wanted}")));
        };
        Self::new(from, to)
    }
}

/// Reads a day in the one form in which it is written, not in jiff's others.
fn day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|date: &Date| date.to_string() == text)
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.asset, self.interval)?;
        self.range.map_or(Ok(()), |range| write!(f, ":{range}"))
    }
}

impl FromStr for SeriesId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((asset, rest)) = text.split_once(':') else {
            let start: String = text.chars().take(32).collect();
            return Err(Invalid::new(format!("the series {start:?} has no interval: write it as AAPL:1d")));
        };
        let (interval, range) = match rest.split_once(':') {
            Some((interval, range)) => (interval, Some(range.parse()?)),
            None => (rest, None),
        };
        Ok(Self { asset: asset.parse()?, interval: interval.parse()?, range })
    }
}

#[cfg(test)]
mod tests {
    use cache_core::{Blob, Codec, Timestamp};
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn bar(day: i8) -> Bar {
        let price = f64::from(day);
        Bar {
            time: BarTime::Day(date(2017, 9, day)),
            open: price,
            high: price + 1.0,
            low: price - 1.0,
            close: price,
            adjusted_close: Some(price),
            volume: Some(10),
        }
    }

    fn series(days: &[i8]) -> Series {
        let bars = days.iter().map(|&day| bar(day)).collect();
        Series::new("AAPL".parse().unwrap(), Interval::Day, bars)
    }

    #[test]
    fn a_range_includes_both_its_ends() {
        let series = series(&[1, 5, 6, 8]);
        let days = |from: Option<i8>, to: Option<i8>| {
            let at = |day: Option<i8>| day.map(|day| date(2017, 9, day));
            series.between(at(from), at(to)).iter().map(|bar| bar.date().day()).collect::<Vec<_>>()
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
        let changes: [fn(&mut Series); 5] = [
            |series| series.bars[0].volume = None,
            |series| series.bars[1].adjusted_close = None,
            |series| series.bars[1].time = BarTime::Moment(Timestamp::from_micros(0)),
            |series| series.provider = Some("other".into()),
            |series| series.bars.truncate(1),
        ];
        for change in changes {
            let mut other = first.clone();
            change(&mut other);
            assert_ne!(other.version(), first.version());
        }
    }

    proptest! {
        #[test]
        fn a_series_id_is_read_as_it_is_written(
            asset in "[A-Z0-9.^=_/&+-]{1,32}(@[A-Z0-9]{2,8})?",
            interval in prop::sample::select(Interval::ALL.to_vec()),
            days in prop::option::of((0..9999_i16, 0..9999_i16)),
        ) {
            let range = days.map(|(one, other)| {
                DateRange::new(date(one.min(other), 1, 1), date(one.max(other), 12, 31)).unwrap()
            });
            let id = SeriesId { asset: asset.parse().unwrap(), interval, range };
            prop_assert_eq!(id.to_string().parse::<SeriesId>().unwrap(), id);
        }

        #[test]
        fn no_text_makes_it_panic_and_none_is_read_in_two_ways(text in "[A-Z@:.0-9dm-]{0,40}") {
            if let Ok(id) = text.parse::<SeriesId>() {
                prop_assert_eq!(id.to_string().parse::<SeriesId>().unwrap(), id);
            }
        }
    }

    #[test]
    fn what_names_no_series_is_refused_with_the_reason() {
        for (text, why) in [
            ("AAPL", "has no interval"),
            ("AAPL:7m", "there are 1m"),
            ("AAPL:1d:", "write two days as"),
            ("AAPL:1d:20200101..2020-01-31", "write two days as"),
            ("AAPL:1d:2020-02-01..2020-01-31", "lies after"),
            ("A B:1d", "holds ' '"),
        ] {
            let message = text.parse::<SeriesId>().unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn a_series_survives_both_codecs() {
        let series = Series { provider: Some("replay".into()), ..series(&[1, 5]) };
        for codec in [Codec::Bincode, Codec::Json] {
            let blob = Blob::encode(codec, 1, &series).unwrap();
            assert_eq!(blob.decode::<Series>(1).unwrap(), series);
        }
    }
}

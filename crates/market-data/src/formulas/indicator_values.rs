//! The values of an indicator: computed from bars, and written as a document.

use cache_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Indicator, IndicatorFunction, PriceField,
    averages::{ema, macd, rsi, sma},
};
use crate::{BarTime, Date, DocumentBody, Interval, Invalid, Series, moment};

/// An indicator and its values, earliest first: the body of a document of
/// [`DataType::Technical`](crate::DataType::Technical).
///
/// In JSON:
/// `{"function":"SMA","period":20,"of":"close","interval":"1d","values":[{"date":"2017-08-28","value":1.0}]}`. A
/// bar within a day has a `time` in place of the `date`; a value of MACD has `macd`, `signal` and `histogram`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndicatorValues {
    /// What was computed.
    #[serde(flatten)]
    pub function: IndicatorFunction,
    /// Of which price, called `of` in JSON.
    #[serde(rename = "of")]
    pub price: PriceField,
    /// Of which bars.
    pub interval: Interval,
    /// The values, from the first bar at which the whole period is known.
    pub values: Vec<IndicatorValue>,
}

/// The value of an indicator at one bar.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct IndicatorValue {
    /// When the bar begins.
    pub time: BarTime,
    /// The value.
    pub figures: IndicatorFigures,
}

/// What an indicator has at one bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IndicatorFigures {
    /// One number: an average in the price's currency, or an index from 0 to 100.
    One(f64),
    /// MACD, in the price's currency.
    Macd {
        /// The fast average less the slow one.
        macd: f64,
        /// The average of that.
        signal: f64,
        /// The difference of these two.
        histogram: f64,
    },
}

impl Indicator {
    /// Computes the indicator from bars. Bars that lack its price are passed over. There are no values if there
    /// are too few bars for its period.
    ///
    /// # Errors
    ///
    /// If the bars are of another interval, or none of them has the price.
    ///
    /// ```
    /// use market_data::{Bar, BarTime, Date, Interval, Series, formulas::{Indicator, IndicatorFigures}};
    ///
    /// let bar = |day: i8| {
    ///     let (time, price) = (BarTime::Day(Date::constant(2017, 9, day)), f64::from(day));
    ///     Bar { time, open: price, high: price, low: price, close: price, adjusted_close: None, volume: None }
    /// };
    /// let bars = Series::new("AAPL".parse()?, Interval::Day, (1..=4).map(bar).collect());
    /// let average = Indicator::of(&"AAPL:function=SMA&period=3".parse()?)?.values(&bars)?;
    /// assert_eq!(average.values.len(), 2);
    /// assert_eq!(average.values[1].figures, IndicatorFigures::One(3.0));
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    pub fn values(&self, series: &Series) -> Result<IndicatorValues, Invalid> {
        let Self { function, interval, price } = *self;
        if series.interval != interval {
            let told = series.interval;
            return Err(Invalid::new(format!(
                "the indicator is of bars of {interval}, and these are of {told}"
            )));
        }
        let bars = series.bars.iter().filter_map(|bar| Some((bar.time, price.of(bar)?)));
        let (times, prices): (Vec<BarTime>, Vec<f64>) = bars.unzip();
        if prices.is_empty() && !series.bars.is_empty() {
            return Err(Invalid::new("none of the bars has an adjusted close: take of=close"));
        }
        let one = |values: Vec<f64>| values.into_iter().map(IndicatorFigures::One).collect::<Vec<_>>();
        let figures = match function {
            IndicatorFunction::Sma { period } => one(sma(&prices, period.into())),
            IndicatorFunction::Ema { period } => one(ema(&prices, period.into())),
            IndicatorFunction::Rsi { period } => one(rsi(&prices, period.into())),
            IndicatorFunction::Macd { fast, slow, signal } => {
                let figures =
                    |[macd, signal, histogram]: [f64; 3]| IndicatorFigures::Macd { macd, signal, histogram };
                macd(&prices, fast.into(), slow.into(), signal.into()).into_iter().map(figures).collect()
            }
        };
        // They belong to the last bars: the first ones only led up to them.
        let values = times[times.len() - figures.len()..].iter().zip(figures);
        let values = values.map(|(time, figures)| IndicatorValue { time: *time, figures });
        // Prices near the largest number there is have no average that is one.
        let values = values.filter(|value| value.figures.are_finite()).collect();
        Ok(IndicatorValues { function, price, interval, values })
    }
}

impl IndicatorFigures {
    fn are_finite(self) -> bool {
        match self {
            Self::One(value) => value.is_finite(),
            Self::Macd { macd, signal, histogram } => {
                [macd, signal, histogram].iter().all(|figure| figure.is_finite())
            }
        }
    }
}

impl DocumentBody for IndicatorValues {
    fn check(&self) -> Result<(), Invalid> {
        let is_macd = matches!(self.function, IndicatorFunction::Macd { .. });
        let of_it =
            |value: &IndicatorValue| matches!(value.figures, IndicatorFigures::Macd { .. }) == is_macd;
        let name = self.function.name();
        if !self.values.iter().all(|value| of_it(value) && value.figures.are_finite()) {
            return Err(Invalid::new(format!("a value of {name} is none of it")));
        }
        match self.values.is_sorted_by(|one, next| one.time < next.time) {
            true => Ok(()),
            false => Err(Invalid::new(format!("the values of {name} are not in the order of time"))),
        }
    }
}

/// The fields of a value as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "moment::option")]
    time: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    macd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    histogram: Option<f64>,
}

impl From<IndicatorValue> for Fields {
    fn from(IndicatorValue { time, figures }: IndicatorValue) -> Self {
        let (date, time) = match time {
            BarTime::Day(date) => (Some(date), None),
            BarTime::Moment(at) => (None, Some(at)),
        };
        let blank = Self { date, time, value: None, macd: None, signal: None, histogram: None };
        match figures {
            IndicatorFigures::One(value) => Self { value: Some(value), ..blank },
            IndicatorFigures::Macd { macd, signal, histogram } => {
                Self { macd: Some(macd), signal: Some(signal), histogram: Some(histogram), ..blank }
            }
        }
    }
}

impl TryFrom<Fields> for IndicatorValue {
    type Error = Invalid;

    fn try_from(fields: Fields) -> Result<Self, Invalid> {
        let time = match (fields.date, fields.time) {
            (Some(date), None) => BarTime::Day(date),
            (None, Some(at)) => BarTime::Moment(at),
            _ => return Err(Invalid::new("a value of an indicator has either a date or a time")),
        };
        let figures = match (fields.value, fields.macd, fields.signal, fields.histogram) {
            (Some(value), None, None, None) => IndicatorFigures::One(value),
            (None, Some(macd), Some(signal), Some(histogram)) => {
                IndicatorFigures::Macd { macd, signal, histogram }
            }
            _ => return Err(Invalid::new("a value has either a value or macd, signal and histogram")),
        };
        Ok(Self { time, figures })
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Bar, Document};

    fn series(interval: Interval, prices: &[Option<f64>]) -> Series {
        let bar = |(at, price): (usize, &Option<f64>)| {
            let time = match interval.is_intraday() {
                true => {
                    BarTime::Moment(Timestamp::from_micros(1_577_975_400_000_000 + at as i64 * 300_000_000))
                }
                false => BarTime::Day(date(2017, 8, 28).saturating_add((at as i64).days())),
            };
            let close = price.unwrap_or(7.0);
            Bar { time, open: 1.0, high: 9.0, low: 0.5, close, adjusted_close: *price, volume: None }
        };
        Series::new("AAPL".parse().unwrap(), interval, prices.iter().enumerate().map(bar).collect())
    }

    fn compute(parameters: &str, series: &Series) -> Document {
        let indicator = Indicator::of(&format!("AAPL:{parameters}").parse().unwrap()).unwrap();
        let values = indicator.values(series).unwrap();
        let document = Document::of("AAPL".parse().unwrap(), &values).unwrap();
        assert_eq!(document.read::<IndicatorValues>().unwrap(), values);
        document
    }

    #[test]
    fn an_indicator_is_written_with_its_periods_and_its_days() {
        let days = series(Interval::Day, &[1.0, 2.0, 4.0].map(Some));
        assert_eq!(
            compute("function=SMA&period=2", &days).body,
            json!({
                "function": "SMA", "period": 2, "of": "close", "interval": "1d",
                "values": [{"date": "2017-08-29", "value": 1.5}, {"date": "2017-08-30", "value": 3.0}],
            })
        );
        let minutes = series(Interval::Minutes5, &[1.0, 2.0, 4.0].map(Some));
        assert_eq!(
            compute("function=MACD&fast=1&slow=2&signal=1&interval=5m", &minutes).body,
            json!({
                "function": "MACD", "fast": 1, "slow": 2, "signal": 1, "of": "close", "interval": "5m",
                "values": [
                    {"time": "2020-01-02T14:35:00Z", "macd": 0.5, "signal": 0.5, "histogram": 0.0},
                    {"time": "2020-01-02T14:40:00Z", "macd": 0.833_333_333_333_333_5, "signal": 0.833_333_333_333_333_5, "histogram": 0.0},
                ],
            })
        );
    }

    #[test]
    fn it_is_of_the_price_that_was_asked_for_and_bars_without_it_are_passed_over() {
        let days = series(Interval::Day, &[Some(2.0), None, Some(4.0)]);
        let of =
            |price: &str| compute(&format!("function=SMA&period=2&of={price}"), &days).body["values"].clone();
        assert_eq!(of("adjusted_close"), json!([{"date": "2017-08-30", "value": 3.0}]));
        assert_eq!(of("open")[1]["value"], json!(1.0));
        assert_eq!(of("high")[0]["value"], json!(9.0));
        assert_eq!(of("low")[0]["value"], json!(0.5));
        assert_eq!(of("close")[0]["value"], json!(4.5));
    }

    #[test]
    fn bars_of_another_interval_are_refused() {
        let indicator = Indicator::of(&"AAPL:function=RSI".parse().unwrap()).unwrap();
        let told = indicator.values(&series(Interval::Week, &[Some(1.0)])).unwrap_err().to_string();
        assert!(told.contains("of 1d, and these are of 1w"), "{told}");
    }

    #[test]
    fn a_body_that_is_no_indicator_is_refused() {
        let body = |values: serde_json::Value| {
            let body =
                json!({"function": "SMA", "period": 2, "of": "close", "interval": "1d", "values": values});
            Document::new("AAPL".parse().unwrap(), body).read::<IndicatorValues>()
        };
        assert!(body(json!([])).is_ok());
        for (values, why) in [
            (json!([{"date": "2017-08-29"}]), "either a value or macd"),
            (json!([{"value": 1.0}]), "either a date or a time"),
            (json!([{"date": "2017-08-29", "macd": 1.0, "signal": 1.0, "histogram": 0.0}]), "none of it"),
            (
                json!([{"date": "2017-08-29", "value": 1.0}, {"date": "2017-08-29", "value": 1.0}]),
                "order of time",
            ),
        ] {
            let told = body(values).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }

    proptest! {
        /// A value is there from the bar at which its whole period is known, and is a number whatever the prices.
        #[test]
        fn values_begin_where_the_period_is_known(
            prices in prop::collection::vec(prop_oneof![Just(0.0), -1e300..1e300_f64, -1.0..1e6_f64], 0..60),
            period in 1..20_usize, more in 1..10_usize,
        ) {
            let days = series(Interval::Day, &prices.iter().copied().map(Some).collect::<Vec<_>>());
            let slow = period + more;
            for (parameters, lost) in [
                (format!("function=SMA&period={period}"), period - 1),
                (format!("function=EMA&period={period}"), period - 1),
                (format!("function=RSI&period={period}"), period),
                (format!("function=MACD&fast={period}&slow={slow}&signal={more}"), slow + more - 2),
            ] {
                let body = compute(&parameters, &days).body;
                let values = body["values"].as_array().unwrap();
                prop_assert_eq!(values.len(), prices.len().saturating_sub(lost));
                if let Some(first) = values.first() {
                    prop_assert_eq!(&first["date"], &json!(days.bars[lost].date().to_string()));
                }
            }
        }
    }
}

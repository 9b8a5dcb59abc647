//! Indicators: which one, of which price, of which bars.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Asset, Bar, DocumentId, Interval, Invalid};

/// An indicator, as the parameters of a document of [`DataType::Technical`](crate::DataType::Technical) name it.
///
/// `function` is SMA, EMA, RSI or MACD, in capitals or not; `interval` is that of the bars (default 1d), and `of`
/// which of their prices is taken (default close). SMA and EMA take a `period` (default 20), RSI too (default 14);
/// MACD takes `fast`, `slow` and `signal` (12, 26, 9). However an indicator is written, it has one id, in which
/// all is told.
///
/// ```
/// use market_data::{Asset, DocumentId, formulas::Indicator};
///
/// let apple: Asset = "AAPL".parse()?;
/// for text in ["AAPL:function=sma", "AAPL:period=20&function=SMA", "AAPL:interval=1d&function=Sma&of=close"] {
///     let indicator = Indicator::of(&text.parse()?)?;
///     let id = DocumentId { asset: apple.clone(), parameters: indicator.parameters() };
///     assert_eq!(id.to_string(), "AAPL:function=SMA&interval=1d&of=close&period=20");
/// }
/// # Ok::<(), market_data::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Indicator {
    /// What is computed.
    pub function: IndicatorFunction,
    /// Of which bars.
    pub interval: Interval,
    /// Of which of their prices.
    pub price: PriceField,
}

/// What an indicator computes. Periods are counted in bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "function", rename_all = "UPPERCASE")]
pub enum IndicatorFunction {
    /// The simple moving average of a period.
    Sma {
        /// How many bars are averaged.
        period: u16,
    },
    /// The exponential moving average of a period, whose weight is 2 / (period + 1), and which begins with the
    /// simple average of the first period.
    Ema {
        /// How many bars are averaged at first, and how slowly they are forgotten.
        period: u16,
    },
    /// The relative strength index of a period, by Wilder's smoothing: 0 to 100, and 50 where nothing has changed.
    Rsi {
        /// How many changes are averaged at first, and how slowly they are forgotten.
        period: u16,
    },
    /// The difference of a fast and a slow exponential average, its own average (the signal), and the difference
    /// of these two (the histogram).
    Macd {
        /// The period of the fast average, below that of the slow one.
        fast: u16,
        /// The period of the slow average.
        slow: u16,
        /// The period of the signal.
        signal: u16,
    },
}

/// Which price of a bar an indicator is computed of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named as in a bar")]
pub enum PriceField {
    Open,
    High,
    Low,
    #[default]
    Close,
    AdjustedClose,
}

/// The longest period, in bars: twenty years of days.
const MAX_PERIOD: u16 = 5_000;

const FUNCTIONS: [&str; 4] = ["SMA", "EMA", "RSI", "MACD"];

impl Indicator {
    /// Reads the parameters of a document.
    ///
    /// # Errors
    ///
    /// If there is no function, one that isn't known, a parameter that it doesn't take, or a value that can't be:
    /// the message says what can.
    pub fn of(id: &DocumentId) -> Result<Self, Invalid> {
        let given = |name: &str| id.parameters.get(name).map(String::as_str);
        let function = given("function").unwrap_or_default().to_ascii_uppercase();
        let period =
            |name: &str, default: u16| given(name).map_or(Ok(default), |text| read_period(name, text));
        let (function, takes): (_, &[&str]) = match function.as_str() {
            "SMA" => (IndicatorFunction::Sma { period: period("period", 20)? }, &["period"]),
            "EMA" => (IndicatorFunction::Ema { period: period("period", 20)? }, &["period"]),
            "RSI" => (IndicatorFunction::Rsi { period: period("period", 14)? }, &["period"]),
            "MACD" => {
                let (fast, slow) = (period("fast", 12)?, period("slow", 26)?);
                if fast >= slow {
                    let wanted = "give a fast period below the slow one";
                    return Err(Invalid::new(format!("fast is {fast} and slow is {slow}: {wanted}")));
                }
                let signal = period("signal", 9)?;
                (IndicatorFunction::Macd { fast, slow, signal }, &["fast", "slow", "signal"])
            }
            "" => {
                let known = FUNCTIONS.join(", ");
                return Err(Invalid::new(format!(
                    "an indicator needs the parameter function: one of {known}"
                )));
            }
            other => {
                let (start, known) = (other.chars().take(32).collect::<String>(), FUNCTIONS.join(", "));
                return Err(Invalid::new(format!("function is {start:?}: there are {known}")));
            }
        };
        let takes = [&["function", "interval", "of"], takes].concat();
        if let Some(other) = id.parameters.keys().find(|name| !takes.contains(&name.as_str())) {
            let (start, takes) = (other.chars().take(32).collect::<String>(), takes.join(", "));
            return Err(Invalid::new(format!(
                "{} takes no parameter {start:?}: it takes {takes}",
                function.name()
            )));
        }
        Ok(Self {
            function,
            interval: given("interval").map_or(Ok(Interval::default()), str::parse)?,
            price: given("of").map_or(Ok(PriceField::default()), str::parse)?,
        })
    }

    /// Returns whether a document's parameters name a function that is computed here.
    #[must_use]
    pub fn is_named(id: &DocumentId) -> bool {
        let function = id.parameters.get("function");
        function.is_some_and(|function| FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(function)))
    }

    /// Returns the parameters of the document of this indicator, defaults filled in: the same ones however they
    /// were written.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = vec![
            ("function", self.function.name().to_owned()),
            ("interval", self.interval.to_string()),
            ("of", self.price.as_str().to_owned()),
        ];
        match self.function {
            IndicatorFunction::Sma { period }
            | IndicatorFunction::Ema { period }
            | IndicatorFunction::Rsi { period } => parameters.push(("period", period.to_string())),
            IndicatorFunction::Macd { fast, slow, signal } => {
                parameters.extend(
                    [("fast", fast), ("slow", slow), ("signal", signal)]
                        .map(|(name, period)| (name, period.to_string())),
                );
            }
        }
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns the id of the document of this indicator of an asset.
    #[must_use]
    pub fn document_id(&self, asset: Asset) -> DocumentId {
        DocumentId { asset, parameters: self.parameters() }
    }
}

impl IndicatorFunction {
    /// Returns the name: `"SMA"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sma { .. } => FUNCTIONS[0],
            Self::Ema { .. } => FUNCTIONS[1],
            Self::Rsi { .. } => FUNCTIONS[2],
            Self::Macd { .. } => FUNCTIONS[3],
        }
    }
}

impl PriceField {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Open, Self::High, Self::Low, Self::Close, Self::AdjustedClose];

    /// Returns the name: `"adjusted_close"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::AdjustedClose => "adjusted_close",
        }
    }

    /// Returns this price of a bar; `None` if the bar has none.
    pub(super) fn of(self, bar: &Bar) -> Option<f64> {
        match self {
            Self::Open => Some(bar.open),
            Self::High => Some(bar.high),
            Self::Low => Some(bar.low),
            Self::Close => Some(bar.close),
            Self::AdjustedClose => bar.adjusted_close,
        }
    }
}

impl FromStr for PriceField {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let start: String = text.chars().take(32).collect();
            let known = Self::ALL.map(Self::as_str).join(", ");
            Invalid::new(format!("of is {start:?}: there are {known}"))
        })
    }
}

fn read_period(name: &str, text: &str) -> Result<u16, Invalid> {
    text.parse().ok().filter(|period| (1..=MAX_PERIOD).contains(period)).ok_or_else(|| {
        let start: String = text.chars().take(32).collect();
        Invalid::new(format!("{name} is {start:?}: give a number of bars from 1 to {MAX_PERIOD}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_indicator() -> impl Strategy<Value = Indicator> {
        let period = 1..=MAX_PERIOD;
        let function = prop_oneof![
            period.clone().prop_map(|period| IndicatorFunction::Sma { period }),
            period.clone().prop_map(|period| IndicatorFunction::Ema { period }),
            period.clone().prop_map(|period| IndicatorFunction::Rsi { period }),
            (1..MAX_PERIOD, period).prop_flat_map(|(fast, signal)| (fast + 1..=MAX_PERIOD)
                .prop_map(move |slow| IndicatorFunction::Macd { fast, slow, signal })),
        ];
        let interval = prop::sample::select(Interval::ALL.to_vec());
        let price = prop::sample::select(PriceField::ALL.to_vec());
        (function, interval, price).prop_map(|(function, interval, price)| Indicator {
            function,
            interval,
            price,
        })
    }

    proptest! {
        #[test]
        fn an_indicator_is_read_as_it_is_written(one in any_indicator(), other in any_indicator()) {
            let id = |indicator: Indicator| indicator.document_id("AAPL".parse().unwrap());
            prop_assert_eq!(Indicator::of(&id(one)).unwrap(), one);
            prop_assert_eq!(one == other, id(one).to_string() == id(other).to_string());
        }

        /// Whatever is left out because it is the default, and in whichever case it is written, it is one id.
        #[test]
        fn defaults_and_capitals_make_no_other_id(function in prop::sample::select(FUNCTIONS.to_vec()), left_out: u8, lower: bool) {
            let asset: Asset = "AAPL".parse().unwrap();
            let whole = Indicator::of(&DocumentId::new(asset.clone()).with("function", function)).unwrap().document_id(asset.clone());
            let mut id = whole.clone();
            let names: Vec<String> = whole.parameters.keys().filter(|name| *name != "function").cloned().collect();
            for (at, name) in names.iter().enumerate() {
                if left_out >> at & 1 == 1 {
                    id.parameters.remove(name);
                }
            }
            let function = if lower { function.to_lowercase() } else { function.to_owned() };
            let id: DocumentId = id.with("function", function).to_string().parse().unwrap();
            prop_assert_eq!(Indicator::of(&id).unwrap().document_id(asset), whole);
        }

        #[test]
        fn no_parameters_make_it_panic(
            function in "(sma|RSI|macd)?.{0,3}",
            parameters in prop::collection::btree_map("period|fast|slow|signal|of|interval|.{0,4}", ".{0,6}|[0-9]{1,6}", 0..5),
        ) {
            let id = DocumentId { asset: "AAPL".parse().unwrap(), parameters }.with("function", function);
            if let Ok(indicator) = Indicator::of(&id) {
                prop_assert_eq!(Indicator::of(&indicator.document_id(id.asset)), Ok(indicator));
            }
        }
    }

    #[test]
    fn what_is_no_indicator_is_refused_with_what_there_is() {
        for (text, why) in [
            ("AAPL", "needs the parameter function: one of SMA, EMA, RSI, MACD"),
            ("AAPL:function=OBV", "function is \"OBV\": there are SMA"),
            (
                "AAPL:function=SMA&fast=3",
                "SMA takes no parameter \"fast\": it takes function, interval, of, period",
            ),
            ("AAPL:function=MACD&period=3", "MACD takes no parameter \"period\""),
            ("AAPL:function=SMA&Period=3", "no parameter \"Period\""),
            ("AAPL:function=SMA&period=0", "period is \"0\": give a number of bars from 1 to 5000"),
            ("AAPL:function=SMA&period=5001", "from 1 to 5000"),
            ("AAPL:function=SMA&period=2.5", "from 1 to 5000"),
            ("AAPL:function=MACD&slow=-1", "slow is \"-1\""),
            ("AAPL:function=MACD&fast=26", "fast is 26 and slow is 26"),
            ("AAPL:function=EMA&of=volume", "of is \"volume\": there are open"),
            ("AAPL:function=EMA&interval=7m", "there are 1m"),
        ] {
            let told = Indicator::of(&text.parse().unwrap()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
    }
}

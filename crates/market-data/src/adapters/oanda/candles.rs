//! Parses the body of `/v3/instruments/{name}/candles`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::parse::{LenientCount, LenientNumber, ParseError, RawBar};

/// The candles of an instrument, earliest first.
#[derive(Debug)]
pub(super) struct Candles {
    pub(super) instrument: String,
    pub(super) granularity: String,
    /// The complete ones. Their volume counts price changes.
    pub(super) complete: Vec<RawBar>,
    /// The last one, if its time isn't over yet.
    pub(super) unfinished: Option<RawBar>,
}

#[derive(Deserialize)]
struct Body {
    instrument: String,
    granularity: String,
    candles: Vec<Wire>,
}

#[derive(PartialEq, Deserialize)]
struct Wire {
    time: Timestamp,
    volume: Option<LenientCount>,
    complete: bool,
    mid: Option<Prices>,
    bid: Option<Prices>,
    ask: Option<Prices>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
struct Prices {
    o: LenientNumber,
    h: LenientNumber,
    l: LenientNumber,
    c: LenientNumber,
}

/// Parses a body; each candle has the one side of the price that was asked for.
///
/// # Errors
///
/// If it can't be parsed, or contradicts itself.
pub(super) fn read(body: &[u8]) -> Result<Candles, ParseError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| ParseError::json("the candles", &error))?;
    let Body { instrument, granularity, mut candles } = body;
    // What is told twice doesn't contradict itself.
    candles.dedup();
    if let Some(pair) = candles.windows(2).find(|pair| pair[0].time >= pair[1].time) {
        return Err(ParseError::new(format!(
            "the candles go from {} back to {}",
            pair[0].time, pair[1].time
        )));
    }
    let (mut complete, mut unfinished) = (Vec::with_capacity(candles.len()), None);
    for wire in &candles {
        match (wire.complete, unfinished) {
            (_, Some(_)) => {
                return Err(ParseError::new(format!("a candle at {} after one not finished", wire.time)));
            }
            (true, None) => complete.push(wire.candle()?),
            (false, None) => unfinished = Some(wire.candle()?),
        }
    }
    Ok(Candles { instrument, granularity, complete, unfinished })
}

impl Wire {
    fn candle(&self) -> Result<RawBar, ParseError> {
        let prices = self.mid.or(self.bid).or(self.ask);
        let Prices { o, h, l, c } =
            prices.ok_or_else(|| ParseError::new(format!("the candle at {} has no prices", self.time)))?;
        Ok(RawBar {
            begin: self.time,
            open: o.0,
            high: h.0,
            low: l.0,
            close: c.0,
            adjusted_close: None,
            volume: self.volume.map(|count| count.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(time: &str, complete: bool) -> String {
        format!(
            r#"{{"time":"2016-10-17T{time}:00Z","volume":1,"complete":{complete},"mid":{{"o":"1","h":"2","l":"1","c":"2"}}}}"#
        )
    }

    fn read_all(candles: &[String]) -> Result<Candles, ParseError> {
        let candles = candles.join(",");
        read(format!(r#"{{"instrument":"EUR_USD","granularity":"M5","candles":[{candles}]}}"#).as_bytes())
    }

    #[test]
    fn a_candle_whose_time_is_not_over_is_told_apart() {
        let read = read_all(&[candle("19:30", true), candle("19:35", false)]).unwrap();
        assert_eq!(read.complete.len(), 1);
        assert_eq!(read.unfinished.unwrap().begin, "2016-10-17T19:35:00Z".parse().unwrap());
    }

    #[test]
    fn candles_out_of_order_are_not_believed() {
        for candles in [
            [candle("19:35", true), candle("19:30", true)],
            [candle("19:30", true), candle("19:30", true).replace(r#""l":"1""#, r#""l":"0.5""#)],
            [candle("19:30", false), candle("19:35", true)],
        ] {
            assert!(read_all(&candles).is_err());
        }
        let twice = [candle("19:30", true), candle("19:30", true)];
        assert_eq!(read_all(&twice).unwrap().complete.len(), 1, "what is told twice is told once");
    }
}

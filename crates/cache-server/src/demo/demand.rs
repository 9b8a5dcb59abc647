//! Recorded demand: when which symbol was talked about, and what a client would ask for then.

use std::time::Duration;

/// Times in seconds, and symbols, in order.
const POSTS: &str = include_str!("../../data/demand/posts.csv");

/// What was asked for, and when.
pub(super) struct Demand {
    posts: Vec<(u64, &'static str)>,
}

impl Demand {
    /// Returns what is recorded.
    pub(super) fn recorded() -> Self {
        let post = |line: &'static str| {
            let (second, symbol) = line.split_once(',')?;
            Some((second.parse().ok()?, symbol))
        };
        Self { posts: POSTS.lines().skip(1).filter_map(post).collect() }
    }

    /// Returns each symbol with the pause before it, so much faster than recorded that there are so many a second.
    pub(super) fn paced(&self, per_second: u32) -> impl Iterator<Item = (Duration, &'static str)> {
        let (first, last) =
            self.posts.first().zip(self.posts.last()).map_or((0, 0), |(first, last)| (first.0, last.0));
        let wanted = self.posts.len() as f64 / f64::from(per_second);
        let speed = ((last - first) as f64 / wanted.max(1.0)).max(1.0);
        let before = std::iter::once(first).chain(self.posts.iter().map(|(second, _)| *second));
        self.posts.iter().zip(before).map(move |((second, symbol), before)| {
            (Duration::from_secs_f64((second - before) as f64 / speed), *symbol)
        })
    }
}

/// Returns what is asked for: mostly a quote, at times what a chart, a table or an indicator needs.
pub(super) fn path(number: u64, symbol: &str) -> String {
    match number % 12 {
        3 => format!("/v1/bars/{symbol}?interval=1d&from=2017-06-01&to=2017-09-01"),
        6 => format!("/v1/technical/{symbol}?function=SMA&period=20"),
        9 => format!("/v1/quotes?symbols={symbol},AAPL,MSFT,GOOG,AMZN"),
        11 => format!("/v1/total_return/{symbol}"),
        _ => format!("/v1/quotes/{symbol}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recording_is_whole_and_in_order() {
        let demand = Demand::recorded();
        assert_eq!(demand.posts.len(), POSTS.lines().count() - 1);
        assert!(demand.posts.is_sorted_by_key(|(second, _)| *second));
    }

    #[test]
    fn it_is_as_fast_as_it_is_to_be() {
        let demand = Demand::recorded();
        let whole: Duration = demand.paced(25).map(|(pause, _)| pause).sum();
        let rate = demand.posts.len() as f64 / whole.as_secs_f64();
        assert!((rate - 25.0).abs() < 0.5, "{rate}");
    }
}

//! No life reaches past the next change, nor beyond what the table asks: against the sessions themselves.

use std::time::Duration;

use cache_core::Timestamp;
use jiff::{ToSpan, civil::Date};
use proptest::prelude::*;

use super::{at, key};
use crate::{Changes, Life, MarketTime, Scope, StandardKey, Swing, TtlRules, Volatility};
use market_calendar::{Calendar, Calendars, Phase};
use market_data::{
    Asset, AssetType, DataType, Interval, SeriesId,
    moment::{from_jiff, to_jiff},
};

/// Returns the stretches of trading around a moment, each from its first moment up to its end; and the closes.
fn trading(calendar: &Calendar, now: Timestamp) -> (Vec<(Timestamp, Timestamp)>, Vec<Timestamp>) {
    let day: Date = calendar.zone().to_datetime(to_jiff(now)).date();
    let sessions: Vec<_> = calendar.sessions(day - 5.days(), day + 30.days()).collect();
    let mut stretches = Vec::new();
    for session in &sessions {
        let (open, close) = (from_jiff(session.open), from_jiff(session.close));
        match session.lunch {
            Some((from, to)) => stretches.extend([(open, from_jiff(from)), (from_jiff(to), close)]),
            None => stretches.push((open, close)),
        }
    }
    // What ends when the next begins is one.
    stretches.dedup_by(|next, last| (last.1 == next.0).then(|| last.1 = next.1).is_some());
    (stretches, sessions.iter().map(|session| from_jiff(session.close)).collect())
}

/// Returns when a price can change next, worked out from the sessions and nothing else.
fn next_change_of_price(calendar: &Calendar, now: Timestamp, settle: Duration) -> Timestamp {
    let (stretches, closes) = trading(calendar, now);
    let edges = stretches.iter().flat_map(|(from, to)| [*from, *to]);
    let inside = stretches.iter().any(|(from, to)| *from <= now && now < *to);
    let settled = closes.iter().map(|close| close.after(settle)).filter(|_| !inside);
    edges.chain(settled).filter(|edge| *edge > now).min().unwrap_or(Timestamp::MAX)
}

fn next_settled_close(calendar: &Calendar, now: Timestamp, settle: Duration) -> Timestamp {
    let (_, closes) = trading(calendar, now);
    closes.iter().map(|close| close.after(settle)).filter(|end| *end > now).min().unwrap_or(Timestamp::MAX)
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let (first, last) = (at("2015-01-02T00:00:00Z"), at("2026-12-20T00:00:00Z"));
    (first.as_micros()..last.as_micros()).prop_map(Timestamp::from_micros)
}

/// Moves a moment near to an edge of trading, where most mistakes are.
fn near_an_edge(calendar: &Calendar, now: Timestamp, off: i64, pick: usize) -> Timestamp {
    let (stretches, _) = trading(calendar, now);
    let edges: Vec<_> = stretches.iter().flat_map(|(from, to)| [*from, *to]).collect();
    edges.get(pick % edges.len().max(1)).map_or(now, |edge| Timestamp::from_micros(edge.as_micros() + off))
}

fn calendar() -> impl Strategy<Value = Calendar> {
    prop::sample::select(Calendars::builtin().iter().cloned().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_life_passes_the_next_change_or_the_table(
        calendar in calendar(), moment in moment(), edge: bool, off in -1_300_000_000..1_300_000_000_i64, pick: usize,
        data in prop::sample::select(DataType::ALL.to_vec()), asset_type in prop::sample::select(AssetType::ALL.to_vec()),
        interval in prop::sample::select(Interval::ALL.to_vec()), absent: bool,
    ) {
        let now = if edge { near_an_edge(&calendar, moment, off, pick) } else { moment };
        let time = MarketTime::default();
        let rules = time.rules();
        let asset = Asset::new("X".parse().unwrap(), calendar.market()).of_type(asset_type);
        let (named, intraday) = match data {
            DataType::Ohlcv => (StandardKey::Ohlcv(SeriesId::new(asset, interval)), interval.is_intraday()),
            DataType::Price => (StandardKey::Price { asset, provider: None }, false),
            _ if data.is_document() => (format!("{data}:{asset}").parse().unwrap(), false),
            _ => return Ok(()),
        };
        let ttl = time.ttl(data).of(&named.key().unwrap(), absent, now);
        let scope = Scope::of(data, asset_type);

        let end = now.after(ttl.life);
        match rules.changes(scope) {
            Changes::Any | Changes::Reports => {}
            Changes::Close if !intraday => prop_assert!(end <= next_settled_close(&calendar, now, rules.settle)),
            _ => prop_assert!(end <= next_change_of_price(&calendar, now, rules.settle)),
        }
        let asked = match rules.life(scope, calendar.phase(to_jiff(now))) {
            Life::For(span) => span,
            Life::Class(class) => rules.classes.of(class),
            Life::UntilChange => Duration::MAX,
        };
        let asked = if data == DataType::Ohlcv { rules.frequency.scale(asked, interval) } else { asked };
        prop_assert!(ttl.life <= asked);
        prop_assert!(!ttl.life.is_zero(), "nothing in the default table is never kept");
        prop_assert!(!absent || ttl.life <= rules.classes.short);
        prop_assert_eq!(ttl.grace, ttl.life + rules.stale_for(scope));
    }

    /// `until_change` is exactly that, and not shorter.
    #[test]
    fn a_price_lives_through_the_night_until_it_can_change(calendar in calendar(), now in moment()) {
        let time = MarketTime::default();
        let asset = Asset::new("X".parse().unwrap(), calendar.market()).of_type(AssetType::Equity);
        let named = StandardKey::Price { asset, provider: None };
        if !matches!(calendar.phase(to_jiff(now)), Phase::Closed | Phase::Weekend | Phase::Holiday) {
            return Ok(());
        }
        let end = now.after(time.ttl(DataType::Price).of(&named.key().unwrap(), false, now).life);
        prop_assert_eq!(end, next_change_of_price(&calendar, now, time.rules().settle));
    }

    /// Volatility and calm don't lift the bound either.
    #[test]
    fn no_swing_takes_a_life_past_the_next_change(
        now in moment(), prices in prop::collection::vec((90.0..110.0_f64, 1..4_000_u64), 1..6), calm in 1..1_000_000_u64,
    ) {
        let rules = r#"{"rows": {"price": {"volatility": {
            "steps": [{"above": 1, "life": 120}, {"above": 3, "life": 60}], "calm": {"below": 0.5, "watched": 60, "life": "24h"}
        }}}}"#;
        let time = MarketTime::new(serde_json::from_str(rules).unwrap(), Calendars::builtin()).unwrap();
        let apple: Asset = "AAPL".parse().unwrap();
        let mut seen = now;
        for (price, later) in prices {
            seen = seen.after(Duration::from_secs(later));
            time.observe(&apple, price, seen);
        }
        let now = seen.after(Duration::from_secs(calm));
        let life = super::life(&time, "price:AAPL", now);
        let calendars = time.calendars();
        let calendar = calendars.of(apple.market).unwrap();
        prop_assert!(now.after(life) <= next_change_of_price(calendar, now, time.rules().settle));
        let Swing { percent, .. } = time.swing(&apple, now).unwrap();
        if percent > 1.0 && calendar.is_open(to_jiff(now)) {
            prop_assert!(life <= Duration::from_secs(120));
        }
    }

    #[test]
    fn no_key_and_no_moment_make_it_panic(kind in "[a-z]{1,8}", id in ".{0,40}", micros: i64) {
        let key = cache_core::Key::new(&kind, &id).unwrap();
        let time = MarketTime::default();
        for data in DataType::ALL {
            let _ = time.ttl(*data).of(&key, false, Timestamp::from_micros(micros));
        }
    }
}

#[test]
fn the_rules_of_volatility_that_are_built_in_make_sense() {
    for rule in [Volatility::narrative_crypto(), Volatility::narrative_equity()] {
        rule.check().unwrap();
    }
    TtlRules::default().check().unwrap();
    let _ = key("price:AAPL");
}

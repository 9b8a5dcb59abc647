//! What can't be true is refused and counted, and what can be is kept.

use super::*;

/// Returns a bar of that day of January, between these prices.
fn bar(day: i8, low: f64, high: f64) -> (Date, RawBar<BarTime>) {
    let date = jiff::civil::date(2020, 1, day);
    let begin = BarTime::Day(date);
    (date, RawBar { begin, open: low, high, low, close: high, adjusted_close: Some(low), volume: Some(1) })
}

fn closes(id: &str, bars: &[(Date, RawBar<BarTime>)]) -> Result<Vec<f64>, ParseError> {
    let series = Plausibility::new(Clock::system()).series(&id.parse().unwrap(), bars.iter().copied())?;
    Ok(series.bars.iter().map(|bar| bar.close).collect())
}

#[test]
fn what_cannot_be_a_bar_is_not_believed() {
    for (id, one, why) in [
        ("AAPL:1d", bar(2, 3.0, 2.0), "lies above"),
        ("AAPL:1d", bar(2, -3.0, 2.0), "below zero"),
        ("AAPL:1d", bar(2, 1.0, 1e16), "is no price"),
        ("CL@CMES:1d", bar(2, f64::NAN, 2.0), "is no price"),
    ] {
        assert!(closes(id, &[one]).unwrap_err().to_string().contains(why), "{id} {one:?}");
    }
    assert_eq!(closes("CL@CMES:1d", &[bar(2, -40.3, -37.6)]), Ok(vec![-37.6]), "as oil was in April 2020");
}

#[test]
fn bars_are_in_the_order_of_time_and_of_two_at_one_the_later_told_stays() {
    let (one, two, again) = (bar(2, 1.0, 1.0), bar(3, 2.0, 2.0), bar(3, 3.0, 3.0));
    assert_eq!(closes("AAPL:1d", &[one, two, again]), Ok(vec![1.0, 3.0]));
    assert!(closes("AAPL:1d", &[two, one]).is_err());
    assert_eq!(closes("AAPL:1d:2020-01-01..2020-01-02", &[two, one]), Ok(vec![1.0]));
}

fn raw(price: f64) -> RawQuote {
    RawQuote::new(price, jiff::civil::date(2020, 1, 2))
}

#[test]
fn a_quote_that_cannot_be_true_is_refused_and_counted() {
    let at = |text: &str| RawQuote { time: text.parse().ok(), ..raw(1.0) };
    for (asset, quote, why) in [
        ("AAPL", raw(0.0), "is 0"),
        ("BTC-USD", raw(-0.0), "is 0"),
        ("EURUSD=X", raw(-1.1), "below zero"),
        ("AAPL", raw(f64::INFINITY), "is no price"),
        ("ES=F", raw(f64::NAN), "is no price"),
        ("ES=F", RawQuote { previous_close: Some(50.0), ..raw(0.0) }, "-100 %"),
        ("^GSPC", RawQuote { previous_close: Some(50.0), ..raw(0.0) }, "-100 %"),
        ("AAPL", at("0001-01-01T00:00:00Z"), "the time is"),
        ("AAPL", at("9999-12-30T00:00:00Z"), "the time is"),
        ("AAPL", RawQuote::new(1.0, jiff::civil::date(9999, 12, 31)), "has not come"),
        ("AAPL", RawQuote::new(1.0, jiff::civil::date(1, 1, 1)), "0001-01-01"),
    ] {
        let judge = Plausibility::new(Clock::system());
        let message = judge.quote(quote, asset.parse().unwrap()).unwrap_err().to_string();
        assert!(message.contains("implausible") && message.contains(why), "{asset}: {message}");
        assert_eq!(judge.refused(), 1, "{asset}");
    }
    let judge = Plausibility::new(Clock::system());
    for (asset, price) in [("CL=F", -37.63), ("^IRX", -0.1), ("^IRX", 0.0), ("ES=F", 0.0)] {
        assert_eq!(judge.quote(raw(price), asset.parse().unwrap()).unwrap().price, price);
    }
    assert_eq!(judge.refused(), 0);
}

#[test]
fn of_two_quotes_of_one_asset_neither_is_believed_unless_they_are_one() {
    let judge = Plausibility::new(Clock::system());
    assert_eq!(judge.only([]), Ok(None));
    assert_eq!(judge.only([Ok(Some(raw(1.0))), Ok(None), Ok(Some(raw(1.0)))]), Ok(Some(raw(1.0))));
    assert_eq!(judge.refused(), 0);
    let error = judge.only([Ok(Some(raw(1.0))), Ok(Some(raw(2.0)))]).unwrap_err().to_string();
    assert!(error.contains("implausible") && judge.refused() == 1, "{error}");
}

#[test]
fn a_field_that_cannot_be_true_is_left_out_of_its_quote() {
    let judge = Plausibility::new(Clock::system());
    let quote = |raw| judge.quote(raw, "AAPL".parse().unwrap()).unwrap();
    let crossed = quote(RawQuote { bid: Some(2.0), ask: Some(1.0), previous_close: Some(-1.0), ..raw(1.0) });
    assert_eq!((crossed.bid, crossed.ask, crossed.previous_close, crossed.change), (None, None, None, None));
    let range = quote(RawQuote { low: Some(3.0), high: Some(2.0), open: Some(f64::NAN), ..raw(1.0) });
    assert_eq!((range.low, range.high, range.open), (None, None, None));
    let open = quote(RawQuote { low: Some(1.0), high: Some(2.0), open: Some(3.0), ..raw(1.0) });
    assert_eq!((open.low, open.high, open.open), (Some(1.0), Some(2.0), None));
    assert_eq!(judge.refused(), 5);
    let unknown = quote(RawQuote { previous_close: Some(0.0), bid: Some(0.0), ..raw(1.0) });
    assert_eq!(
        (unknown.previous_close, unknown.change_percent, unknown.bid, unknown.volume),
        (None, None, None, None)
    );
    assert_eq!(judge.refused(), 5, "0 means that it isn't known");
    let timeless = quote(RawQuote {
        time: Some(Timestamp::UNIX_EPOCH),
        ..RawQuote::new(1.0, jiff::civil::date(1970, 1, 1))
    });
    assert!(timeless.time.is_none() && timeless.as_of.year() > 2000);
}

#[test]
fn a_bar_that_cannot_be_true_is_left_out_and_most_of_them_fail_the_series() {
    let with = |change: fn(&mut RawBar<BarTime>)| {
        let (day, mut raw) = bar(3, 1.0, 2.0);
        change(&mut raw);
        (day, raw)
    };
    for wrong in [
        with(|bar| bar.open = 5.0),
        with(|bar| bar.close = 0.5),
        with(|bar| bar.low = 0.0),
        with(|bar| bar.begin = BarTime::Day(jiff::civil::date(9999, 1, 1))),
        with(|bar| bar.begin = BarTime::Day(jiff::civil::date(1, 1, 1))),
        with(|bar| bar.begin = BarTime::Moment(cache_core::Timestamp::MAX)),
    ] {
        let good = [bar(2, 1.0, 2.0), bar(4, 1.0, 4.0)];
        assert_eq!(closes("AAPL:1d", &[good[0], wrong, good[1]]), Ok(vec![2.0, 4.0]), "{wrong:?}");
        let most = closes("AAPL:1d", &[good[0], wrong, wrong]).unwrap_err().to_string();
        assert!(most.contains("2 of 3 bars") && most.contains("implausible"), "{most}");
    }
    let (day, mut raw) = bar(3, 1.0, 2.0);
    raw.adjusted_close = Some(-0.1);
    let judge = Plausibility::new(Clock::system());
    assert_eq!(judge.bar(raw, AssetType::Equity).unwrap().adjusted_close, None, "{day}");
    raw.close = 2.000_000_1;
    assert!(judge.bar(raw, AssetType::Equity).is_ok(), "rounding is no contradiction");
}

fn minutes(id: &str, rows: &[(&str, f64)]) -> Vec<(String, f64, f64)> {
    let raw = |(at, price): &(&str, f64)| {
        let at: Timestamp = at.parse().unwrap();
        let begin = BarTime::Moment(from_jiff(at));
        let raw = RawBar {
            begin,
            open: *price,
            high: *price,
            low: *price,
            close: *price,
            adjusted_close: None,
            volume: None,
        };
        (Offset::UTC.to_datetime(at).date(), raw)
    };
    let series =
        Plausibility::new(Clock::system()).series(&id.parse().unwrap(), rows.iter().map(raw)).unwrap();
    let time = |bar: &Bar| match bar.time {
        BarTime::Moment(at) => to_jiff(at).strftime("%H:%M:%S").to_string(),
        BarTime::Day(day) => day.to_string(),
    };
    series.bars.iter().map(|bar| (time(bar), bar.high, bar.close)).collect()
}

#[test]
fn the_running_price_is_a_part_of_the_bar_under_way() {
    let at = |time: &str, high, close| (time.to_owned(), high, close);
    let rows = [("2020-01-02T14:45:00Z", 1.0), ("2020-01-02T14:50:00Z", 3.0), ("2020-01-02T14:52:33Z", 2.0)];
    assert_eq!(minutes("AAPL:5m", &rows), [at("14:45:00", 1.0, 1.0), at("14:50:00", 3.0, 2.0)]);
    // The bar under way has no row of its own.
    let rows = [("2020-01-02T14:45:00Z", 1.0), ("2020-01-02T14:52:33Z", 2.0)];
    assert_eq!(minutes("AAPL:5m", &rows), [at("14:45:00", 1.0, 1.0), at("14:50:00", 2.0, 2.0)]);
    // The grid of hours begins with the session.
    let rows = [("2020-01-02T14:30:00Z", 1.0), ("2020-01-02T15:41:07Z", 2.0)];
    assert_eq!(minutes("AAPL:1h", &rows), [at("14:30:00", 1.0, 1.0), at("15:30:00", 2.0, 2.0)]);
    assert_eq!(minutes("AAPL:15m", &[("2020-01-02T14:52:33Z", 2.0)]), [at("14:45:00", 2.0, 2.0)]);
    // Whole bars stay, after a break too.
    let rows = [("2020-01-06T03:30:00Z", 1.0), ("2020-01-06T05:00:00Z", 2.0)];
    assert_eq!(minutes("0700.HK:1h", &rows).len(), 2);
}

#[test]
fn a_bar_within_a_day_is_of_the_day_of_its_exchange() {
    // 17:00 in New York begins a day of foreign exchange; midnight in Tokyo one of its exchange.
    let rows = [
        ("2020-01-06T21:55:00Z", 1.0),
        ("2020-01-06T22:00:00Z", 2.0),
        ("2020-01-07T21:55:00Z", 3.0),
        ("2020-01-07T22:00:00Z", 4.0),
    ];
    let closes = |id: &str| minutes(id, &rows).iter().map(|bar| bar.2).collect::<Vec<_>>();
    assert_eq!(closes("EURUSD=X:5m:2020-01-07..2020-01-07"), [2.0, 3.0]);
    assert_eq!(
        closes("ES=F:5m:2020-01-07..2020-01-07"),
        [3.0, 4.0],
        "a session of Globex begins at 17:00 in Chicago"
    );
    assert_eq!(closes("7203.T:5m:2020-01-07..2020-01-07"), [1.0, 2.0]);
    assert_eq!(
        closes("PKO.WA:5m:2020-01-07..2020-01-07"),
        [3.0, 4.0],
        "without a calendar, of the day given"
    );
}

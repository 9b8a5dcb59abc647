//! When strategies run.

use std::{future::ready, time::Duration};

use cache_core::{ErrorKind, Timestamp};
use cache_warming::{CronTimes, KeysOf, RunSchedule};
use jiff::{Zoned, civil::DateTime, tz::TimeZone};
use proptest::{prop_assert, prop_assert_eq, proptest};

use crate::fixture::{Fixture, cases, key, seconds};

const HOUR: Duration = seconds(3600);

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn moment(text: &str, zone: &TimeZone) -> Timestamp {
    let zoned = text.parse::<DateTime>().unwrap().to_zoned(zone.clone()).unwrap();
    Timestamp::from_micros(zoned.timestamp().as_microsecond())
}

fn local(at: Timestamp, zone: &TimeZone) -> Zoned {
    Zoned::new(jiff::Timestamp::from_microsecond(at.as_micros()).unwrap(), zone.clone())
}

/// The next moments of an expression, as local times with their offset.
fn next(text: &str, zone: &TimeZone, after: &str, many: usize) -> Vec<String> {
    let times = CronTimes::new(text, zone.clone()).unwrap();
    let mut at = moment(after, zone);
    (0..many)
        .map(|_| {
            at = times.next(at).unwrap();
            local(at, zone).strftime("%Y-%m-%d %H:%M %:z").to_string()
        })
        .collect()
}

#[test]
fn cron_expressions_and_hours_are_read_in_their_zone() {
    let zone = new_york();
    assert_eq!(
        next("30 9 * * MON-FRI", &zone, "2026-01-02T12:00", 2),
        ["2026-01-05 09:30 -05:00", "2026-01-06 09:30 -05:00"]
    );
    let hours = ["2026-01-02 12:00 -05:00", "2026-01-02 18:00 -05:00", "2026-01-03 00:00 -05:00"];
    for text in ["0,6,12,18", " 0, 6, 12, 18 ", "0 0,6,12,18 * * *", "18,12,6,0"] {
        assert_eq!(next(text, &zone, "2026-01-02T06:00", 3), hours, "{text:?}");
    }
    assert_eq!(next("7", &zone, "2026-01-02T07:00", 1), ["2026-01-03 07:00 -05:00"], "later than, not at");
    assert_eq!(
        next("*/20 * * * *", &TimeZone::UTC, "2026-01-02T23:30", 2),
        ["2026-01-02 23:40 +00:00", "2026-01-03 00:00 +00:00"]
    );
}

#[test]
fn a_time_that_is_skipped_is_the_moment_after_the_gap_and_one_that_is_twice_the_first_of_them() {
    let zone = new_york();
    // On 8 March 2026 two o'clock becomes three.
    assert_eq!(
        next("30 2 * * *", &zone, "2026-03-07T12:00", 2),
        ["2026-03-08 03:00 -04:00", "2026-03-09 02:30 -04:00"]
    );
    // On 1 November 2026 two o'clock becomes one.
    assert_eq!(
        next("30 1 * * *", &zone, "2026-10-31T12:00", 2),
        ["2026-11-01 01:30 -04:00", "2026-11-02 01:30 -05:00"]
    );
}

#[test]
fn a_schedule_is_shown_by_its_expression_and_its_zone() {
    let shown = format!("{:?}", CronTimes::new("30 9 * * MON-FRI", new_york()).unwrap());
    assert!(shown.contains("30 9 * *") && shown.contains("America/New_York"), "{shown}");
    assert!(shown.len() < 100, "{shown}");
}

#[test]
fn what_is_no_schedule_is_refused_and_told_how_to_write_one() {
    for text in [
        "",
        "  ",
        "24",
        "0,6,25",
        "6,",
        ",",
        "6,1 2",
        "-6",
        "often",
        "* * *",
        "61 * * * *",
        "0 0 * * FUNDAY",
        "1 2",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
    ] {
        let error = CronTimes::new(text, TimeZone::UTC).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{text:?}");
        let told = error.to_string();
        assert!(told.contains(&format!("{:?}", text.trim())), "{told}");
        assert!(told.contains("0,6,12,18") && told.contains("five cron fields"), "{told}");
    }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn hours_come_each_day_at_that_hour(
        hours in proptest::collection::btree_set(0..24_i8, 1..6), start in 0..40_000_000_i64,
    ) {
        let zone = new_york();
        let text = hours.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let times = CronTimes::new(&text, zone.clone()).unwrap();
        let mut at = Timestamp::from_micros((1_767_225_600 + start) * 1_000_000);
        for _ in 0..20 {
            let next = times.next(at).unwrap();
            let shown = local(next, &zone);
            // Two o'clock is skipped once a year.
            let is_gap = shown.hour() == 3 && hours.contains(&2);
            prop_assert!((hours.contains(&shown.hour()) || is_gap) && shown.minute() == 0, "{}", shown);
            prop_assert!(next > at && next.since(at) <= 25 * HOUR);
            at = next;
        }
    }

    #[test]
    fn an_interval_runs_at_the_start_and_then_on_its_beat_and_makes_up_for_nothing(
        every in 1..100_u64, ticks in proptest::collection::vec(1..400_u64, 1..40),
    ) {
        let at = fixture(RunSchedule::Every(seconds(every)));
        let begin = at.clock.now();
        let mut expected = 1;
        let mut last_beat = 0;
        run_due(&at);
        for tick in ticks {
            at.clock.advance(seconds(tick));
            run_due(&at);
            let beat = at.clock.now().since(begin).as_secs() / every;
            expected += u64::from(beat > last_beat);
            last_beat = beat;
            prop_assert_eq!(at.strategy("s").runs, expected);
        }
    }
}

fn fixture(schedule: RunSchedule) -> Fixture {
    Fixture::new(|builder| builder.strategy(KeysOf::new("s", schedule, || ready(Ok(Vec::new())))))
}

fn run_due(at: &Fixture) {
    futures_util::FutureExt::now_or_never(at.warming.tick()).unwrap();
}

#[test]
fn by_hand_and_at_the_start() {
    for (schedule, expected) in
        [(RunSchedule::ByHand, 0), (RunSchedule::AtStart, 1), (RunSchedule::Every(Duration::ZERO), 11)]
    {
        let at = fixture(schedule);
        run_due(&at);
        for _ in 0..10 {
            at.clock.advance(seconds(1000));
            run_due(&at);
        }
        assert_eq!(at.strategy("s").runs, expected);
    }
}

#[test]
fn a_cron_expression_runs_once_for_all_that_was_missed() {
    // The manual clock begins at midnight UTC, which is seven in the evening there.
    let at = fixture(RunSchedule::At(Box::new(CronTimes::new("0,6,12,18", new_york()).unwrap())));
    let runs = || at.strategy("s").runs;
    run_due(&at);
    assert_eq!(runs(), 0, "not at the start");
    at.clock.advance(5 * HOUR - seconds(1));
    run_due(&at);
    assert_eq!(runs(), 0);
    at.clock.advance(seconds(1));
    run_due(&at);
    run_due(&at);
    assert_eq!(runs(), 1);
    at.clock.advance(seconds(1));
    run_due(&at);
    assert_eq!(runs(), 1);
    at.clock.advance(30 * HOUR);
    run_due(&at);
    assert_eq!(runs(), 2, "five were missed");
    at.clock.advance(6 * HOUR);
    run_due(&at);
    assert_eq!(runs(), 3);
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_schedules() {
    let hours = RunSchedule::At(Box::new(CronTimes::new("0,6,12,18", TimeZone::UTC).unwrap()));
    for (schedule, before) in [(RunSchedule::Every(6 * HOUR), 4), (hours.clone(), 4), (hours, 0)] {
        let at = fixture(schedule);
        run_due(&at);
        for _ in 0..before {
            run_due(&at);
            at.clock.advance(6 * HOUR);
        }
        let runs = at.strategy("s").runs;
        at.clock.shift_wall(-48 * 3_600_000_000);
        for _ in 0..8 {
            run_due(&at);
            at.clock.advance(6 * HOUR);
        }
        let more = at.strategy("s").runs - runs;
        assert!((6..=8).contains(&more), "{more} runs in two days");
    }
}

#[tokio::test]
async fn what_runs_at_the_start_is_tried_again_until_it_comes_or_ten_times() {
    for down_for in [0, 1, 65, 100_000] {
        let popular = KeysOf::new("popular", RunSchedule::AtStart, || ready(Ok(vec![key("AAPL")])));
        let at = Fixture::new(|builder| builder.strategy(popular));
        at.cache.script.lock().is_down = down_for > 0;
        for second in 0..20_000 {
            if second == down_for {
                at.cache.script.lock().is_down = false;
            }
            at.warming.tick().await;
            at.clock.advance(seconds(1));
        }
        // After 10, 30 and 70 seconds, and so on.
        let expected = [(0, 1), (1, 2), (65, 4), (100_000, 10)];
        let (_, runs) = expected.into_iter().find(|(down, _)| *down == down_for).unwrap();
        assert_eq!(at.strategy("popular").runs, runs, "down for {down_for} s");
    }
}

#[test]
fn what_was_due_while_nothing_was_fetched_is_not_made_up_for() {
    let hours = CronTimes::new("0,6,12,18", TimeZone::UTC).unwrap();
    let at = fixture(RunSchedule::At(Box::new(hours)));
    at.warming.enable(false);
    for _ in 0..10 {
        at.clock.advance(HOUR);
        run_due(&at);
    }
    at.warming.enable(true);
    run_due(&at);
    assert_eq!(at.strategy("s").runs, 0);
    at.clock.advance(2 * HOUR);
    run_due(&at);
    assert_eq!(at.strategy("s").runs, 1, "at noon");
}

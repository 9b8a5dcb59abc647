//! What `top` draws, into a terminal that isn't one.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend};
use serde_json::json;

use super::{
    can_draw,
    draw::draw,
    model::{Model, Snapshot},
};
use crate::commands::client::ServiceFigures;

/// Returns figures after so many seconds, at 100 reads a second of which 90 hit.
fn snapshot(begun: Instant, seconds: u64) -> Snapshot {
    let reads = 100 * seconds;
    let summary = json!({
        "reads": reads, "hits": reads / 10 * 9, "misses": reads / 10, "stale": 7, "calls": seconds,
        "hit_rate": if reads == 0 { json!(null) } else { json!(0.9) }, "waited_ms": 312.5,
    });
    Snapshot {
        at: begun + Duration::from_secs(seconds),
        figures: ServiceFigures {
            stats: json!({
                "hits": {"memory": 80 * seconds, "disk": 10 * seconds},
                "memory": {
                    "entries": 12_345, "weight": 3 << 20, "budget": 64 << 20,
                    "hottest": [{"key": "price:AAPL\u{1b}[2J", "share": 0.4, "estimated_reads": 40}],
                },
                "disk": {"entries": 99, "bytes": 2048},
                "tiers": [{"name": "disk", "errors": 0, "pending": 3}],
                "providers": [
                    {"name": "first", "healthy": true, "calls": seconds, "keys_per_call": 3.25, "failures": 1, "refused": 2, "calls_left": 17},
                    {"name": "second", "healthy": false, "unhealthy_reason": "its breaker is open", "calls": 0},
                ],
            }),
            report: json!({
                "since_start": summary, "last_minute": summary,
                "kinds": [{
                    "kind": "price", "since_start": summary, "last_minute": summary,
                    "waits": {"count": 10, "p50": 301.0, "p99": 1250.0},
                    "sources": [{"name": "memory", "misses": {"never_there": 4 * seconds, "expired": 6 * seconds}}],
                }],
            }),
        },
    }
}

fn model() -> Model {
    let begun = Instant::now();
    let mut model = Model::new("http://127.0.0.1:8080/".to_owned(), Duration::from_secs(1));
    for seconds in 0..=10 {
        model.take(Ok(snapshot(begun, seconds)), begun);
    }
    model
}

fn drawn(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_figures_are_on_a_wide_screen() {
    let screen = drawn(&model(), 120, 32);
    for shown in [
        "http://127.0.0.1:8080/  live",
        "100.0 reads/s",
        "90.0 % of 1,000 reads in the last minute",
        "312.5 ms",
        "3.0 MiB of 64.0 MiB ok",
        "3 pending",
        "40 40.0 %",
        "60 60.0 %",
        "301.0 ms 1.25 s",
        "price:AAPL\\u{1b}[2J",
        "its breaker is open",
        "q quits",
    ] {
        assert!(screen.contains(shown), "{shown:?} is missing:\n{screen}");
    }
}

#[test]
fn every_size_can_be_drawn_and_a_narrow_one_has_what_matters_most() {
    let model = model();
    for (width, height) in [(1, 1), (10, 5), (40, 10), (79, 24), (95, 60), (300, 100)] {
        drawn(&model, width, height);
    }
    let screen = drawn(&model, 80, 24);
    for shown in ["90.0 % of 1,000 reads", "memory", "disk", "price"] {
        assert!(screen.contains(shown), "{shown:?} is missing:\n{screen}");
    }
}

#[test]
fn a_service_that_is_gone_is_said_to_be_and_comes_back() {
    let mut model = model();
    model.take(Err("it can't be reached: refused".to_owned()), Instant::now());
    let screen = drawn(&model, 100, 30);
    assert!(screen.contains("GONE for") && screen.contains("it can't be reached: refused"), "{screen}");
    assert!(screen.contains("of 1,000 reads"), "what was known stays: {screen}");

    // It was started anew, and counts from zero.
    let later = Instant::now() + Duration::from_secs(60);
    model.take(Ok(snapshot(later, 0)), later);
    model.take(Ok(snapshot(later, 2)), later);
    assert!(drawn(&model, 100, 30).contains("  live"));
    assert!((model.per_second("reads") - 100.0).abs() < 1e-9);
}

#[test]
fn before_the_first_figures_nothing_is_made_up() {
    let model = Model::new("http://127.0.0.1:8080/".to_owned(), Duration::from_secs(1));
    assert!(drawn(&model, 100, 30).contains("- of - reads in the last minute"));
}

#[test]
fn a_screen_is_drawn_on_where_a_cursor_can_be_moved() {
    let can = |is_terminal, term: Option<&str>| can_draw(is_terminal, term.map(OsStr::new));
    assert!(can(true, Some("xterm-256color")) && can(true, None));
    assert!(!can(true, Some("dumb")) && !can(false, Some("xterm")));
}

/// Returns the words of a screen that have a digit in them.
fn figures(screen: &str) -> BTreeSet<&str> {
    let words = screen.split(|letter: char| letter.is_whitespace() || "│╭╮╰╯─".contains(letter));
    words.filter(|word| word.contains(|letter: char| letter.is_ascii_digit())).collect()
}

/// Returns a model whose figures are as long as these.
fn model_of(count: u64, millis: f64, share: f64) -> Model {
    let summary = json!({
        "reads": count, "hits": count, "misses": count / 3, "stale": count / 7, "calls": count / 5,
        "hit_rate": share, "waited_ms": millis,
    });
    let begun = Instant::now();
    let mut snapshot = snapshot(begun, 3);
    snapshot.figures.stats["hits"] = json!({"memory": count, "disk": count / 11});
    snapshot.figures.stats["memory"]["entries"] = json!(count / 13);
    snapshot.figures.stats["memory"]["weight"] = json!(count);
    snapshot.figures.stats["tiers"] = json!([{"name": "disk", "errors": 0, "pending": count / 17}]);
    snapshot.figures.stats["memory"]["hottest"] =
        json!([{"key": "price:AAPL", "share": share, "estimated_reads": count}]);
    snapshot.figures.stats["providers"][0]["calls"] = json!(count);
    snapshot.figures.stats["providers"][0]["calls_left"] = json!(count / 19);
    snapshot.figures.stats["providers"][1]["unhealthy_reason"] = json!("it is asked again in 573 seconds");
    snapshot.figures.report["since_start"] = summary.clone();
    snapshot.figures.report["last_minute"] = summary.clone();
    let kind = &mut snapshot.figures.report["kinds"][0];
    (kind["since_start"], kind["last_minute"]) = (summary.clone(), summary);
    kind["waits"] = json!({"count": 10, "p50": millis, "p99": millis * 3.0});
    kind["sources"][0]["misses"] = json!({"never_there": count, "expired": count / 23});
    let mut model = Model::new("http://127.0.0.1:8080/".to_owned(), Duration::from_secs(1));
    model.take(Ok(snapshot), begun);
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn a_figure_is_whole_or_not_there_at_every_width(
        count in 1_u64..1_000_000_000_000, millis in 0.0..100_000.0, share in 0.0..=1.0, width in 20_u16..=200,
    ) {
        let mut model = model_of(count, millis, share);
        for is_gone in [false, true] {
            if is_gone {
                // It is always gone for 0 ms, so that two screens say the same.
                let since = Instant::now() + Duration::from_secs(3600);
                model.take(Err("127.0.0.1:8080 can't be reached: refused (os error 111)".to_owned()), since);
            }
            let widest = [drawn(&model, 400, 60), drawn(&model, 109, 60)];
            let whole: BTreeSet<&str> = widest.iter().flat_map(|screen| figures(screen)).collect();
            let screen = drawn(&model, width, 60);
            // What says how wide it must be has a number that no other screen has.
            let lines = screen.lines().filter(|line| !line.contains("columns at least"));
            for figure in lines.flat_map(figures) {
                prop_assert!(whole.contains(figure), "{figure:?} of {whole:?} at {width}:\n{screen}");
            }
        }
    }
}

#[test]
fn columns_go_as_the_screen_narrows_and_a_screen_too_narrow_says_how_wide_it_must_be() {
    let model = model_of(123_456_789, 573.4, 0.5);
    let screen = drawn(&model, 80, 60);
    for shown in ["573.4 ms", "123,456,789", "hit rate", "hits/s"] {
        assert!(screen.contains(shown), "{shown:?} is missing:\n{screen}");
    }
    let screen = drawn(&model, 45, 60);
    assert!(screen.contains("50.0 %") && screen.contains("hit rate") && !screen.contains("p50"), "{screen}");
    assert!(drawn(&model, 31, 60).contains("too narrow: 32 columns at least"));
    assert!(!drawn(&model, 32, 60).contains("too narrow: 32"));
}

#[test]
fn a_provider_whose_quota_is_used_up_is_not_called_healthy() {
    let mut used_up = snapshot(Instant::now(), 1);
    used_up.figures.stats["providers"][0]["calls_left"] = json!(0);
    let mut model = Model::new("http://127.0.0.1:8080/".to_owned(), Duration::from_secs(1));
    model.take(Ok(used_up), Instant::now());
    let screen = drawn(&model, 120, 32);
    assert!(screen.contains("quota used up") && !screen.contains("healthy"), "{screen}");
}

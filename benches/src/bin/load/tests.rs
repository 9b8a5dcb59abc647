//! A whole run, small, on the set-up that needs no server; and what its report looks like.

use clap::Parser;
use roxmltree::{Document, ParsingOptions};
use serde_json::Value;

use crate::{
    options::Options,
    report::{Report, html, row::Row, table::Table},
    run,
    scenario::Scenario,
};

async fn report() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::parse_from([
        "load",
        "--embedded",
        "--scale=0.01",
        "--rounds=1",
        "--step-seconds=0.05",
        "--max-rate=1000",
        "--limit-ms=60000",
    ]);
    run::all(&options, folder.path()).await.unwrap()
}

/// Checks that a member is a number; returns it.
fn number(value: &Value, member: &str) -> f64 {
    value[member].as_f64().unwrap_or_else(|| panic!("{member} of {value:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_run_answers_all_rightly_and_is_reported_in_each_form() {
    let report = report().await;
    check_json(&serde_json::to_value(&report).unwrap());
    check_table(&Table(&report).to_string());
    check_html(&html::page(&report));
}

fn check_json(json: &Value) {
    assert_eq!(json["errors"], 0, "{json:#}");
    for member in ["date", "version", "command"] {
        assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
    }
    assert!(json["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
    let setup = &json["setups"][0];
    assert_eq!(
        (&setup["name"], &setup["tiers"]),
        (&"embedded".into(), &serde_json::json!(["memory", "disk"]))
    );
    let rows = setup["scenarios"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["scenario"].as_str().unwrap()).collect();
    let all: Vec<_> = Scenario::chosen(&[]).iter().map(|scenario| scenario.name()).collect();
    assert_eq!(names, all);
    for row in rows {
        assert_eq!(row["errors"], 0, "{row:#}");
        assert!(number(row, "operations") > 0.0 && number(row, "throughput") > 0.0, "{row:#}");
        let times = ["p50", "p95", "p99", "p99_9", "max"].map(|name| number(&row["latency_ms"], name));
        assert!(times[0] > 0.0 && times.is_sorted(), "{row:#}");
        for member in ["first_error", "hit_rate", "tier", "took_ms", "seeds"] {
            assert!(row.get(member).is_some(), "{member} is missing: null is not left out");
        }
    }
    let row = |name: &str| rows.iter().find(|row| row["scenario"] == name).unwrap();
    assert_eq!(row("reads")["answered_by"], serde_json::json!({ "memory": 10 }));
    assert_eq!(row("reads-tier")["answered_by"], serde_json::json!({ "disk": 10 }));
    // What the seeds did says nothing of a hundredth of it.
    assert_eq!(row("reads")["seeds"]["claimed"], Value::Null);
    assert_eq!(row("writes")["hit_rate"], Value::Null);
    // A machine that stands still for 50 ms makes a hit of a read that began late.
    assert!(
        number(row("hit-rate-cold"), "hit_rate") < 1.0
            && number(row("hit-rate-cold"), "provider_calls") > 0.0
    );
    assert_eq!(number(row("hit-rate-warm"), "hit_rate"), 1.0);
    assert_eq!(number(row("hit-rate-warm"), "provider_calls"), 0.0);
    assert_eq!(number(&row("open-loop")["open_loop"], "highest_rate"), 1000.0);
}

fn check_table(text: &str) {
    let is_title = |line: &&str| line.starts_with("cargo xtask load");
    for line in text.lines().filter(|line| !is_title(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(text.ends_with("errors: 0\n"), "{text}");
}

fn check_html(page: &str) {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).unwrap();
    for outside in ["http:", "https:", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside} is something outside of the page");
    }
    for node in document.descendants() {
        assert!(!["script", "link", "img", "iframe", "object"].contains(&node.tag_name().name()), "{node:?}");
        for name in ["src", "href", "style"] {
            assert!(!node.has_attribute(name), "{node:?}");
        }
    }
    let count = |name| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(count("svg"), 2 * 14 + 2, "two plots a scenario, and one more of rates");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_named_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        Options::parse_from(["load", "--embedded", "--scale=0.01", "--rounds=1", "--only=get-many"]);
    let report = run::all(&options, folder.path()).await.unwrap();
    let rows: &[Row] = &report.setups[0].scenarios;
    assert_eq!(rows.iter().map(|row| row.scenario).collect::<Vec<_>>(), ["get-many"]);
    assert_eq!(rows[0].operations, 1);
}

//! What `cache-server calendar` prints, against the oracle's files and for people.

use std::{collections::BTreeSet, fs, io::Read, path::Path};

use clap::Parser;
use flate2::read::GzDecoder;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: CalendarArgs,
}

/// 2026-11-25T17:00:00Z: a Wednesday noon in New York.
const NOW: i64 = 1_795_626_000_000_000;

fn run(arguments: &[&str]) -> Result<String> {
    let args = Cli::parse_from([&["calendar"], arguments].concat()).args;
    let mut out = Vec::new();
    calendar(&args, cache_core::Timestamp::from_micros(NOW), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn oracle(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../market-calendar/tests/data/calendars");
    let mut text = String::new();
    let file = fs::File::open(folder.join(format!("{name}.csv.gz"))).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn csv_has_the_oracles_lines_in_its_columns() {
    // Where sources disagree, nothing is asserted.
    let disputed: BTreeSet<&str> =
        ["2020-10-13", "2021-04-06", "2021-10-13", "2023-09-01", "2023-09-08", "2024-09-06"].into();
    // What the oracle lacks is listed, with its hours, in a test of market-calendar.
    let beyond: BTreeSet<&str> = [
        "2015-02-28",
        "2015-11-11",
        "2016-10-30",
        "2017-10-19",
        "2018-11-07",
        "2019-10-27",
        "2020-02-01",
        "2020-11-14",
        "2021-11-04",
        "2022-10-24",
        "2023-11-12",
        "2024-01-20",
        "2024-03-02",
        "2024-05-18",
        "2024-11-01",
        "2025-02-01",
        "2025-10-21",
        "2026-02-01",
    ]
    .into();
    let undisputed = |name: &str, text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| match name {
            "XHKG" => !disputed.contains(&line[..10]),
            "XBOM" => !beyond.contains(&line[..10]),
            _ => true,
        });
        lines.map(str::to_owned).collect()
    };
    for (name, market) in [
        ("XNYS", "XNYS"),
        ("XNYS", "us"),
        ("XLON", "XLON"),
        ("XFRA", "XETR"),
        ("XTKS", "XTKS"),
        ("XHKG", "xhkg"),
        ("XBOM", "XBOM"),
        ("24-5", "24/5"),
        ("24-7", "24-7"),
        ("24-7", "CRYPTO"),
        ("FX-24x5-rule", "FX"),
    ] {
        let printed = run(&[market, "--csv", "--from=2015-01-01", "--to=2026-12-31"]).unwrap();
        assert!(undisputed(name, &printed) == undisputed(name, &oracle(name)), "{market} is not as {name}");
    }
}

#[test]
fn people_read_what_is_on_and_what_is_next_in_both_times() {
    assert_eq!(
        run(&["XNYS"]).unwrap(),
        "XNYS in America/New_York: open\n\
         now         Wed 2026-11-25 12:00 EST   Wed 2026-11-25 17:00 UTC\n\
         next open   Fri 2026-11-27 09:30 EST   Fri 2026-11-27 14:30 UTC\n\
         next close  Wed 2026-11-25 16:00 EST   Wed 2026-11-25 21:00 UTC\n\
         next change Wed 2026-11-25 16:00 EST   Wed 2026-11-25 21:00 UTC\n"
    );
    assert!(run(&["24/7"]).unwrap().ends_with("next change not in this year or the next\n"));
}

#[test]
fn a_users_file_is_added_and_its_faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("days.txt");
    let flag = format!("--calendar-file={}", file.display());
    let ask = || run(&["XNYS", "--csv", "--from=2026-11-25", "--to=2026-11-25", &flag]);
    fs::write(&file, "# ours\nXNYS 2026-11-25 closes 11:30\n").unwrap();
    assert!(ask().unwrap().ends_with("\n2026-11-25,2026-11-25T14:30Z,2026-11-25T16:30Z,,,early_close\n"));

    fs::write(&file, "\nXNYS 2026-11-25 shuts\n").unwrap();
    let message = ask().unwrap_err().to_string();
    assert!(message.contains("days.txt:2") && message.contains("closes HH:MM"), "{message}");
    fs::remove_file(&file).unwrap();
    assert!(ask().unwrap_err().to_string().contains("days.txt"));
}

#[test]
fn what_cannot_be_printed_is_refused_with_what_can() {
    let unknown = run(&["XOSL"]).unwrap_err().to_string();
    assert!(unknown.contains("XOSL") && unknown.contains("XNYS"), "{unknown}");
    let turned = run(&["XNYS", "--csv", "--from=2026-02-01", "--to=2026-01-01"]).unwrap_err().to_string();
    assert!(turned.contains("2026-02-01") && turned.contains("earlier"), "{turned}");
    let loose = Cli::try_parse_from(["calendar", "XNYS", "--csv", "--from", "2026-2-1"]).err().unwrap();
    assert!(loose.to_string().contains("2026-12-31"), "{loose}");
}

#[test]
fn this_year_is_printed_unless_days_are_given() {
    let printed = run(&["XNYS", "--csv"]).unwrap();
    assert_eq!(printed.lines().nth(1).map(|line| &line[..10]), Some("2026-01-02"));
    assert_eq!(printed.lines().last().map(|line| &line[..10]), Some("2026-12-31"));
}

//! `config --check` finds all that would stop the start, each with its line, and the start says the same.

use std::{fs, path::Path, process::Command, time::Instant};

use crate::fixture::process::command;

/// Runs the program on a file. Returns whether it succeeded, and what it said.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn check(folder: &Path, text: &str, data: &Path) -> (bool, String) {
    let file = folder.join("cache.yaml");
    fs::write(&file, text).unwrap();
    run(command(data, &[]).args(["config", "--check"]).arg(&file))
}

fn start(folder: &Path, text: &str, data: &Path) -> (bool, String) {
    let file = folder.join("cache.yaml");
    fs::write(&file, text).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // A start that gets as far as listening fails at the port, and says nothing else.
    let listen: &[&str] = if text.contains("listen:") { &[] } else { &["--listen", &address] };
    run(command(data, listen).arg("--config").arg(&file))
}

/// A provider of JSON of which one part is described by `quotes`.
pub(crate) fn json(rest: &str) -> String {
    format!("providers:\n  - kind: json\n{rest}")
}

const QUOTES: &str = "      quotes: {url: 'https://x.example/q?s={symbol}', price: /p}\n";

#[test]
fn rule_75_the_check_finds_what_would_stop_the_start_and_on_which_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("odd")).unwrap();
    fs::write(at("odd/A A.csv"), "").unwrap();
    fs::write(at("blank"), "\n").unwrap();
    fs::write(at("calendar"), "XNYS 2027-01-08 closed\nXNYS 2027-01-09 perhaps\n").unwrap();
    fs::write(at("latin"), b"XNYS 2027-01-08 closed\n\xff\n").unwrap();
    fs::write(at("nopem"), "no certificate").unwrap();
    assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
    let market = "      markets: [XNYS]\n";
    let options = |rest: &str| json(&format!("    options:\n{rest}"));
    let cases: Vec<(String, usize, &str)> = vec![
        // Providers.
        ("providers:\n  - kind: json\n".into(), 2, "nothing to ask for"),
        (options(&format!("{market}      quotes: {{price: /p}}\n")), 5, "url is missing"),
        (
            options(&format!("{market}      quotes: {{url: 'ftp://x/{{symbol}}', price: /p}}\n")),
            5,
            "quotes.url",
        ),
        (
            options(&format!("{market}      quotes: {{url: 'https://x.example/q', price: /p}}\n")),
            5,
            "placeholder",
        ),
        (
            options(&format!("{market}      quotes: {{url: 'https://x.example/{{symbol}}', price: p}}\n")),
            5,
            "price",
        ),
        (options(QUOTES), 4, "markets"),
        (options(&format!("      markets: [USA]\n{QUOTES}")), 4, "there are ARCX"),
        (json(&format!("    markets: [NYSE]\n    options:\n{market}{QUOTES}")), 3, "markets has NYSE"),
        (
            options(&format!("{market}      symbols: {{names: {{BRK.B: first, BRK-B: second}}}}\n{QUOTES}")),
            5,
            "BRK.B and BRK-B are one asset",
        ),
        (options(&format!("{market}      zone: Mars/Olympus\n{QUOTES}")), 5, "zone"),
        (options(&format!("{market}      headers: {{'a b': c}}\n{QUOTES}")), 5, "header"),
        (
            json(&format!("    key: {{env: NOT_SET}}\n    options:\n{market}{QUOTES}")),
            3,
            "NOT_SET is not set",
        ),
        ("providers:\n  - kind: alpha_vantage\n    key: {env: NOT_SET}\n".into(), 3, "NOT_SET is not set"),
        (format!("providers:\n  - kind: alpha_vantage\n    key: {{file: {}}}\n", at("blank")), 3, "empty"),
        (
            format!("providers:\n  - kind: alpha_vantage\n    key: {{file: {}}}\n", at("none")),
            3,
            "can't be read",
        ),
        (
            format!("providers:\n  - kind: alpha_vantage\n    key: {{file: {}}}\n", at("fifo")),
            3,
            "no regular file",
        ),
        ("providers:\n  - kind: alpha_vantage\n".into(), 2, "key: {env: NAME} or key: {file: PATH}"),
        ("providers:\n  - kind: oanda\n    options: {account: x}\n".into(), 2, "key: {env: NAME}"),
        ("providers:\n  - kind: alpha_vantage\n    key: hunter2\n".into(), 3, "give"),
        (
            "providers:\n  - kind: oanda\n    key: {env: PATH}\n    options: {account: 'x y'}\n".into(),
            4,
            "account",
        ),
        ("providers:\n  - kind: yahoo\n    base_url: nowhere\n".into(), 3, "base URL"),
        (
            "providers:\n  - kind: yahoo\n    base_url: 'https://user:hunter2@x.example'\n".into(),
            3,
            "base URL",
        ),
        ("providers:\n  - kind: yahoo\n    options:\n      max_batch: 51\n".into(), 4, "max_batch"),
        ("providers:\n  - kind: yahoo\n    options: {max_bach: 5}\n".into(), 3, "did you mean max_batch?"),
        ("providers:\n  - kind: yahoo\n    timeout_ms: 0\n".into(), 3, "timeout_ms is 0"),
        ("providers:\n  - kind: yahoo\n    breaker_failures: 0\n".into(), 3, "breaker_failures is 0"),
        ("providers:\n  - kind: yahoo\n    breaker_pause_ms: 0\n".into(), 3, "breaker_pause_ms is 0"),
        ("providers:\n  - kind: yahoo\n    backoff_ms: 9\n    backoff_max_ms: 3\n".into(), 3, "above its"),
        ("providers:\n  - kind: yahoo\n    quota: {per_day: 0}\n".into(), 3, "at least 1"),
        ("providers:\n  - kind: yahoo\n    timeout_ms: 5s\n".into(), 3, "in ms: write 5000"),
        (
            "providers:\n  - kind: alpha_vantage\n    key: {evn: X}\n".into(),
            3,
            "key: {env: NAME} or key: {file: PATH}",
        ),
        (
            "providers:\n  - kind: yahoo\n    options: {http: {timeout_ms: 5s}}\n".into(),
            3,
            "in ms: write 5000",
        ),
        ("ttl:\n  price: 5m\n".into(), 2, "in s: write 300"),
        ("ttl:\n  price: 1\nttl.price: 2\n".into(), 3, "first on line 2"),
        ("providers:\n  - kind: yahoo\n    priorty: 1\n".into(), 3, "did you mean priority?"),
        ("providers:\n  - kind: yahoo\n  - kind: yahoo\n".into(), 3, "two providers are named"),
        ("providers:\n  - kind: replay\n    options: {a: 1}\n".into(), 2, "takes no options"),
        (format!("providers:\n  - kind: csv\n    options: {{folder: {}}}\n", at("none")), 3, "can't be read"),
        (
            format!("providers:\n  - kind: csv\n    options: {{folder: {}}}\n", at("empty")),
            3,
            "holds no file",
        ),
        (format!("providers:\n  - kind: csv\n    options: {{folder: {}}}\n", at("odd")), 3, "A A.csv"),
        // Files.
        (format!("calendars:\n  file: {}\n", at("none")), 2, "can't read"),
        (format!("calendars:\n  file: {}\n", at("empty")), 2, "no regular file"),
        (format!("calendars:\n  file: {}\n", at("fifo")), 2, "no regular file"),
        (format!("calendars:\n  file: {}\n", at("calendar")), 2, "perhaps"),
        (format!("calendars:\n  file: {}\n", at("latin")), 2, "UTF-8 on line 2"),
        (
            format!("postgres:\n  url: postgres://h/d?sslmode=verify-full&sslrootcert={}\n", at("none")),
            2,
            "none",
        ),
        (
            format!("postgres:\n  url: postgres://h/d?sslmode=verify-full&sslrootcert={}\n", at("nopem")),
            2,
            "nopem",
        ),
        (
            format!("postgres:\n  url: postgres://h/d?sslmode=verify-full&sslrootcert={}\n", at("fifo")),
            2,
            "fifo",
        ),
        ("postgres:\n  url: postgres://h/d?sslmode=verify-full\n".into(), 2, "CA file"),
        // Settings.
        ("redis:\n  url: http://h\n".into(), 2, "redis.url"),
        ("redis:\n  url: redis://a/1,redis://b/1\n".into(), 2, "no databases"),
        ("redis:\n  password: x\n".into(), 2, "redis.url"),
        ("bus:\n  by: redis\n".into(), 2, "redis.url"),
        ("listen: nowhere\n".into(), 1, "listen"),
        ("listen: '127.0.0.1:99999'\n".into(), 1, "listen"),
        ("memory:\n  mib: 0\n".into(), 2, "1..=1048576"),
        ("ttl:\n  rules: {rows: {prise: {open: 1}}}\n".into(), 2, "prise"),
        ("access_token: short\n".into(), 1, "16 characters"),
        ("allowed_hosts: ['a b']\n".into(), 1, "allowed_hosts"),
        ("a: [1\n".into(), 2, "YAML"),
        ("a\u{0}b: 1\n".into(), 1, "U+0000"),
        ("log: info\n\u{0}access_token: \"...\"\n".into(), 2, "U+0000"),
    ];
    let data = folder.path().join("data");
    for (text, line, part) in cases {
        let (valid, said) = check(folder.path(), &text, &data);
        assert!(!valid && said.contains(part), "{text}\n{said}");
        assert!(said.contains(&format!("cache.yaml:{line}:")), "line {line} of\n{text}\n{said}");
        assert!(!said.contains("hunter2"), "{said}");
        let (started, said_at_start) = start(folder.path(), &text, &data);
        assert!(!started && said_at_start.ends_with(&said), "{text}\n{said_at_start}\nbut checked\n{said}");
    }
    assert!(!data.exists(), "a check leaves nothing behind");
}

#[test]
fn rule_75_the_check_finds_all_errors_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
memory:
  mib: 0
calendars:
  file: /no/such/file
providers:
  - kind: json
    name: first
    key: {env: NOT_SET}
    timeout_ms: 0
    breaker_failures: 0
    options:
      markets: [XNYS]
      quotes: {url: 'ftp://x.example/{symbol}', price: /p}
      series: {url: 'https://x.example/s', time: /t, open: /o, high: /h, low: /l, close: /c}
  - kind: csv
    options: {folder: /no/such/folder, fault: skip}
  - kind: csv
    name: files
    options: {folder: /no/such/folder}
  - {kind: yahoo, priority: high, retries: x}
ttl:
  prise: 3
";
    let data = folder.path().join("file");
    fs::write(&data, "").unwrap();
    let (valid, said) = check(folder.path(), text, &data);
    assert!(!valid);
    assert!(said.contains("--data-dir"), "{said}");
    let lines = lines(&said);
    for line in [2, 4, 8, 9, 10, 13, 14, 16, 19, 20, 22] {
        assert!(lines.contains(&line), "line {line} in\n{said}");
    }
    assert!(lines.is_sorted(), "{said}");
}

/// Returns the lines of the file that errors name, in the order in which they are told.
pub(crate) fn lines(said: &str) -> Vec<usize> {
    let after = |line: &str| line.split_once("cache.yaml:").map(|(_, rest)| rest.to_owned());
    said.lines().filter_map(after).map(|rest| rest.split(':').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn rule_75_an_error_names_the_provider_and_the_field_and_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
providers:
  - {kind: yahoo, name: first, priority: first, timeout_ms: 0}
  - kind: alpha_vantage
    key: hunter2
    timeout_ms: 0
  - kind: alpha_vantage
    name: keyless
    key: {env: NOT_SET}
  - {kind: json, name: empty}
  - {name: kindless}
ttl:
  rules:
    rows:
      prise: {open: 1}
      price:
        open: soon
        closed: later
";
    let (valid, said) = check(folder.path(), text, &folder.path().join("data"));
    assert!(!valid && !said.contains("hunter2"), "{said}");
    for (line, part) in [
        (2, "providers, first: priority: give a whole number"),
        (2, "providers, first: timeout_ms is 0"),
        (4, "providers, alpha_vantage: key: give key: {env: NAME} or key: {file: PATH}"),
        (5, "providers, alpha_vantage: timeout_ms is 0"),
        (8, "NOT_SET is not set"),
        (9, "nothing to ask for"),
        (10, "providers, kindless: kind is missing"),
        (14, "ttl.rules.rows: "),
        (16, "ttl.rules.rows.price.open: "),
        (17, "ttl.rules.rows.price.closed: "),
    ] {
        let found =
            said.lines().find(|told| told.contains(&format!("cache.yaml:{line}:")) && told.contains(part));
        assert!(found.is_some(), "line {line}, {part}, in\n{said}");
    }
    assert_eq!(lines(&said), [2, 2, 4, 5, 8, 9, 10, 14, 16, 17], "{said}");
}

#[test]
fn rule_75_all_lines_of_a_calendar_file_that_are_wrong_are_told_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let days = folder.path().join("days");
    fs::write(
        &days,
        "XNYS 2027-01-08 perhaps\nXNYS 2027-01-11 closed\nMARS 2027-01-12 closed\n\nXNYS soon closed\n",
    )
    .unwrap();
    let text = format!("calendars: {{file: {}}}\n", days.display());
    let (valid, said) = check(folder.path(), &text, &folder.path().join("data"));
    let told: Vec<bool> =
        [1, 3, 5].iter().map(|line| said.contains(&format!("{}:{line}:", days.display()))).collect();
    assert!(!valid && told == [true; 3], "{said}");
    assert!(said.contains("3 errors"), "{said}");
    let at = |line: usize| said.find(&format!("{}:{line}:", days.display()));
    assert!(at(1) < at(3) && at(3) < at(5), "{said}");
}

#[test]
fn rule_75_a_long_value_is_not_repeated_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(450_000);
    for text in [
        format!("log: {long}\n"),
        format!("log: 'info,{long}=debug'\n"),
        format!("listen: {long}\n"),
        format!("allowed_hosts: ['{long} y']\n"),
        format!("calendars: {{file: /{long}}}\n"),
        format!("providers: [{{kind: {long}}}]\n"),
        format!("providers: [{{kind: yahoo, name: {long}, timeout_ms: 0}}]\n"),
        format!("providers: [{{kind: yahoo, base_url: {long}}}]\n"),
        format!("providers: [{{kind: csv, options: {{folder: {long}}}}}]\n"),
        format!("redis: {{url: {long}}}\n"),
        format!("ttl: {{rules: {{rows: {{{long}: {{}}}}}}}}\n"),
    ] {
        let (valid, said) = check(folder.path(), &text, &folder.path().join("data"));
        assert!(!valid, "{}", &text[..40]);
        assert!(said.lines().all(|line| line.len() < 1500), "{}: {} bytes", &text[..40], said.len());
    }
}

#[test]
fn rule_75_the_check_takes_no_more_than_its_share_of_a_longer_file() {
    /// Makes a file with so many parts.
    type Shape<'a> = &'a dyn Fn(usize) -> String;
    let folder = tempfile::tempdir().unwrap();
    let names = |count: usize| (0..count).map(|at| format!("'A{at}': n{at}")).collect::<Vec<_>>().join(", ");
    let symbols = |count| options_of_json(&format!("symbols: {{names: {{{}}}}}", names(count)));
    let providers = |count: usize| {
        let one = |at: usize| format!("  - {{kind: replay, name: p{at}}}\n");
        format!("providers:\n{}", (0..count).map(one).collect::<String>())
    };
    let log = |count: usize| {
        format!("log: '{}info'\n", (0..count).map(|at| format!("m{at}=info,")).collect::<String>())
    };
    let shapes: [(&str, Shape<'_>, usize); 3] =
        [("names", &symbols, 4000), ("providers", &providers, 3800), ("log", &log, 10_000)];
    for (name, shape, count) in shapes {
        let mut took = [0.0; 2];
        for (took, count) in took.iter_mut().zip([count, 8 * count]) {
            let began = Instant::now();
            check(folder.path(), &shape(count), &folder.path().join("data"));
            *took = began.elapsed().as_secs_f64();
        }
        println!("{name}: {took:?}");
        // Quadratic time would be 64 times as much.
        assert!(took[1] < 0.5 || took[1] < 24.0 * took[0], "{name}: {took:?}");
    }
}

fn options_of_json(options: &str) -> String {
    json(&format!("    options: {{markets: [XNYS], {options}}}\n"))
}

#[test]
fn rule_71_a_module_of_nearly_the_name_of_a_crate_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (valid, said) = check(folder.path(), "log: 'info,cache_dsk=debug'\n", &folder.path().join("data"));
    assert!(valid && said.contains("cache.yaml:1:") && said.contains("did you mean cache_disk?"), "{said}");
}

#[test]
fn rule_75_a_data_folder_that_cannot_be_written_is_found_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for data in ["file", "file/below", "/proc/none", ""] {
        let data = if data.is_empty() { data.into() } else { folder.path().join(data) };
        let (valid, said) = check(folder.path(), "", &data);
        assert!(!valid && said.contains("--data-dir"), "{data:?}: {said}");
    }
    for (place, wrong) in [("x/disk/db", "x/disk"), ("y/disk/lock/z", "y"), ("z/disk/writes/z", "z")] {
        // A file where a folder belongs, or a folder where a file does.
        let place = folder.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "").unwrap();
        let data = place.ancestors().find(|above| above.join("disk").exists()).unwrap().to_owned();
        let (valid, said) = check(folder.path(), "", &data);
        assert!(!valid && said.contains("--data-dir") && said.contains(wrong), "{place:?}: {said}");
    }
    let (valid, said) = check(folder.path(), "", &folder.path().join("n".repeat(300)));
    assert!(!valid && said.contains("more than 255 bytes"), "{said}");
    for name in ["data", "a/b/c"] {
        let (valid, said) = check(folder.path(), "", &folder.path().join(name));
        assert!(valid && !folder.path().join(name).exists(), "{name}: {said}");
    }
    for (name, text) in
        [("CACHE_SERVER_DATA_DIR", ""), ("CACHE_SERVER_DATA_DIR", " "), ("CACHE_SERVER_DATA_DIR", "\n")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cache-server"));
        let (valid, said) = run(command.env_clear().env(name, text).current_dir(folder.path()));
        assert!(!valid && said.contains(name) && said.contains("it is empty"), "{text:?}: {said}");
        assert!(!folder.path().join("disk").exists());
    }
}

//! Reloading the configuration while the service runs.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::fixture::{
    in_process::InProcess,
    process::{PATIENCE, Server, command},
};

const RELOAD: &str = "/v1/config/reload";

struct Reloading {
    server: Server,
    folder: tempfile::TempDir,
}

impl Reloading {
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache.yaml");
        fs::write(&path, text).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let flags = ["--config", path.to_str().unwrap()];
        let mut command = command(&folder.path().join("data"), &flags);
        let server = Server::run(command.env("NO_COLOR", "1").stderr(Stdio::from(log)));
        Self { server, folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    async fn reload(&self, text: &str) -> (u16, Value) {
        fs::write(self.path("cache.yaml"), text).unwrap();
        let url = format!("{}{RELOAD}", self.server.url);
        let answer = self.server.client.post(url).timeout(PATIENCE).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Returns how much longer a quote of `symbol` is fresh, in seconds.
    async fn max_age(&self, symbol: &str) -> u64 {
        let answer = self.server.get(&format!("/v1/quotes/{symbol}")).await;
        let control = answer.headers()["cache-control"].to_str().unwrap().to_owned();
        let age = control.split("max-age=").nth(1).unwrap();
        age.split(',').next().unwrap().parse().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    async fn until_logged(&self, text: &str) {
        let began = Instant::now();
        while !self.log().contains(text) {
            assert!(began.elapsed() < PATIENCE, "no {text:?} in\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A provider that takes no time.
const FAST: &str = "replay: {latency_ms: 0}\n";

/// Quotes that are fresh for so many seconds, whatever the phase of the market.
fn lives(seconds: u64) -> String {
    format!("{FAST}ttl: {{price: {seconds}, rules: {{rows: {{price: {{changes: any}}}}}}}}\n")
}

#[tokio::test]
async fn lives_change_at_run_time_and_what_needs_a_restart_is_named() {
    let service = Reloading::start(&lives(1000));
    assert!(service.max_age("AAPL").await > 900);

    let (status, answer) = service.reload(&format!("{}disk: {{mib: 17}}\nlog: debug\n", lives(50))).await;
    assert_eq!(status, 200);
    let changed = [("log", "info", "debug"), ("ttl.price", "1000", "50")]
        .map(|(key, from, to)| json!({"key": key, "from": from, "to": to}));
    assert_eq!(answer["changed"], json!(changed));
    assert_eq!(answer["unchanged"], json!(["needs a restart: disk.mib"]));
    assert!(service.max_age("AAPL").await > 900, "what is held keeps its promise");
    assert!(service.max_age("MSFT").await <= 50, "what is loaded from now on lives by the new one");
    service.until_logged("DEBUG").await;

    let (_, answer) = service.reload(&format!("{}disk: {{mib: 17}}\nlog: debug\n", lives(50))).await;
    assert_eq!(answer["changed"], json!([]));
    assert_eq!(answer["unchanged"], json!(["needs a restart: disk.mib"]), "until it is restarted");
}

#[tokio::test]
async fn rule_124_the_budget_of_memory_changes_at_run_time_unless_its_policy_has_a_fixed_one() {
    for (policy, changes) in [("hybrid", true), ("lru", false)] {
        let memory = |mib| format!("{}memory: {{mib: {mib}, policy: {policy}}}\n", lives(1000));
        let service = Reloading::start(&memory(64));
        let (status, answer) = service.reload(&memory(17)).await;
        let changed = json!([{"key": "memory.mib", "from": "64", "to": "17"}]);
        assert_eq!(status, 200);
        assert_eq!(answer["changed"], if changes { changed } else { json!([]) }, "{policy}");
        let unchanged = if changes { json!([]) } else { json!(["needs a restart: memory.mib"]) };
        assert_eq!((&answer["unchanged"], &answer["warnings"]), (&unchanged, &json!([])), "{policy}");
        let budget = service.server.json("/v1/stats").await["memory"]["budget"].clone();
        assert_eq!(budget, json!(if changes { 17_u64 << 20 } else { 64 << 20 }), "{policy}");
    }
}

#[tokio::test]
async fn a_bad_file_leaves_the_old_in_force_and_all_errors_are_answered() {
    let service = Reloading::start(&lives(1000));
    let (status, answer) = service.reload("ttl: {price: 50, prise: 3}\nmemory: {mib: none}\n").await;
    assert_eq!((status, &answer["type"]), (422, &json!("urn:problem-type:cache:invalid-configuration")));
    let errors: Vec<&str> =
        answer["errors"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].contains("cache.yaml:1:18: unknown setting ttl.prise: did you mean ttl.price?"),
        "{errors:?}"
    );
    assert!(service.max_age("AAPL").await > 900);
    service.server.terminate();
}

#[tokio::test]
async fn a_sighup_reads_anew_too_and_the_log_says_what_came_of_it() {
    let service = Reloading::start(&lives(1000));
    fs::write(service.path("cache.yaml"), format!("{}disk: {{mib: 99}}\n", lives(50))).unwrap();
    service.server.signal("-HUP");
    service.until_logged("needs a restart: disk.mib").await;
    assert!(service.log().contains("ttl.price changed from 1000 to 50"), "{}", service.log());
    assert!(service.max_age("AAPL").await <= 50);

    fs::write(service.path("cache.yaml"), "ttl: {prise: 1}\n").unwrap();
    service.server.signal("-HUP");
    service.until_logged("the current one stays in force").await;
    assert!(service.max_age("MSFT").await <= 50);
}

#[tokio::test]
async fn the_path_is_posted_to_and_by_no_other_method() {
    let service = Reloading::start(FAST);
    let answer = service.server.get(RELOAD).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn a_closure_that_is_announced_in_the_calendars_file_lengthens_lives_once_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("closures");
    fs::write(&file, "").unwrap();
    // New Year's Day, one in the morning in New York: quotes are fresh until the open of the day after.
    let service = InProcess::open(&[&format!("--set=calendars.file={}", file.display())]).await;
    service.advance(Duration::from_secs(6 * 3600));
    let max_age = async |symbol: &str| -> u64 {
        let answer = service.get(&format!("/v1/quotes/{symbol}")).await;
        answer.header("cache-control").split(['=', ',']).nth(1).unwrap().parse().unwrap()
    };
    let day = 24 * 3600;
    assert!((day..2 * day).contains(&max_age("AAPL").await));
    fs::write(&file, "XNYS 2020-01-02 closed\n").unwrap();
    let changed = service.app.reload().unwrap().changed;
    assert!((2 * day..3 * day).contains(&max_age("MSFT").await));
    let keys: Vec<&str> = changed.iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, ["calendars.file"], "what is in force is told: {changed:?}");
    assert_eq!(service.app.reload().unwrap().changed, [], "nothing changed since");

    fs::write(&file, "XNYS 2020-01-02 perhaps\n").unwrap();
    let faults = service.app.reload().unwrap_err().to_string();
    assert!(faults.contains("closures") && faults.contains("perhaps"), "{faults}");
}

fn mkfifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn rule_75_what_is_no_regular_file_is_refused_at_once() {
    let service = Reloading::start(&lives(1000));
    mkfifo(&service.path("fifo"));
    for (file, why) in [
        (service.path("fifo"), "no regular file"),
        ("/dev/zero".into(), "no regular file"),
        (service.folder.path().to_owned(), "no regular file"),
        (service.path("none"), "can't read"),
    ] {
        let text = format!("{}calendars: {{file: {}}}\n", lives(50), file.display());
        let began = Instant::now();
        let (status, answer) = service.reload(&text).await;
        assert_eq!(status, 422, "{answer}");
        assert!(answer["errors"][0].as_str().unwrap().contains(why), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(3));
    }
    fs::remove_file(service.path("cache.yaml")).unwrap();
    mkfifo(&service.path("cache.yaml"));
    let url = format!("{}{RELOAD}", service.server.url);
    let answer = service.server.client.post(url).timeout(PATIENCE).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    assert!(service.max_age("AAPL").await > 900);
}

#[tokio::test]
async fn rule_75_many_reloads_at_once_are_one_and_quotes_go_on() {
    let service = Reloading::start(&lives(1000));
    let mut days = String::new();
    for market in ["XNYS", "XNAS", "XLON", "XTKS", "XHKG"] {
        for day in 0..12 * 28 * 10 {
            let (year, month, day) = (2027 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
            days.push_str(&format!("{market} {year}-{month:02}-{day:02} closed\n"));
        }
    }
    fs::write(service.path("days"), &days).unwrap();
    fs::write(
        service.path("cache.yaml"),
        format!("{}calendars: {{file: {}}}\n", lives(50), service.path("days").display()),
    )
    .unwrap();
    let url = format!("{}{RELOAD}", service.server.url);
    let reloads: Vec<_> =
        (0..50).map(|_| tokio::spawn(service.server.client.post(&url).timeout(PATIENCE).send())).collect();
    let began = Instant::now();
    service.max_age("AAPL").await;
    assert!(began.elapsed() < Duration::from_secs(5), "a quote waited for {:?}", began.elapsed());
    let mut answers = Vec::new();
    for reload in reloads {
        answers.push(reload.await.unwrap().unwrap().status().as_u16());
    }
    assert!(
        answers.contains(&200) && answers.iter().all(|status| [200, 409].contains(status)),
        "{answers:?}"
    );
    service.server.terminate();
}

#[tokio::test]
async fn rule_75_only_what_means_something_else_has_changed() {
    let before = "replay: {latency_ms: 0, failure_rate: 0.0}\nttl: {price: 60, rules: {rows: {price: {open: 60}}}}\nmemory: {protect: [a, b], pressure_threshold: 1.0}\nproviders: []\n";
    let service = Reloading::start(before);
    let same = "profile: development\nlisten: 127.0.0.1:8080\nreplay: {failure_rate: 0, latency_ms: 00}\nttl: {price: 060, rules: {rows: {price: {open: 1m}}}}\nmemory: {protect: 'a, b', pressure_threshold: 1}\nlog: \"info\"\n";
    let same = same.replace("listen: 127.0.0.1:8080\n", "").replace("'a, b'", "[\"a\", 'b']");
    let (status, answer) = service.reload(&same).await;
    assert_eq!((status, &answer["changed"], &answer["unchanged"]), (200, &json!([]), &json!([])), "{answer}");
    let (_, answer) = service.reload(&same.replace("060", "61")).await;
    assert_eq!(answer["changed"], json!([{"key": "ttl.price", "from": "60", "to": "61"}]));
}

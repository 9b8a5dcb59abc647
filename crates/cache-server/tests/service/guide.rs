//! What the README and the guides tell readers to send is answered, and with what they show.

use std::{fs, path::PathBuf};

use reqwest::Method;
use serde_json::Value;

use crate::{
    configuration::check::{check, json, run},
    fixture::process::{Server, command},
};

const PAGES: [&str; 6] = [
    "README.md",
    "docs/guide/data.md",
    "docs/guide/events.md",
    "docs/guide/configuration.md",
    "docs/guide/shared-tiers.md",
    "docs/guide/own-values.md",
];

fn page(path: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// Returns the words of a command of a shell, without its comment.
fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (at, part) in command.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        let plain = part.split(" #").next().unwrap_or_default();
        words.extend(plain.split_whitespace().map(str::to_owned));
    }
    words
}

/// Sends what a command of curl sends. Returns the status.
async fn send(server: &Server, command: &str) -> u16 {
    let words = words(command);
    let mut words = words.iter().map(String::as_str);
    let (mut method, mut url, mut body, mut headers) = (None, None, None, Vec::new());
    while let Some(word) = words.next() {
        match word {
            "curl" => {}
            "-H" => headers.extend(words.next().and_then(|header| header.split_once(": "))),
            "-d" => body = words.next(),
            "-X" => method = words.next(),
            _ => url = Some(word),
        }
    }
    let usual = if body.is_some() { "POST" } else { "GET" };
    let method: Method = method.unwrap_or(usual).parse().unwrap();
    let path = url.and_then(|url| url.strip_prefix("http://127.0.0.1:8080")).expect(command);
    let mut request = server.client.request(method, format!("http://{}{path}", server.address()));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(body) = body {
        request = request.body(body.to_owned());
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_curl_that_readers_are_told_to_send_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--provider-latency-ms=0"]);
    let mut sent = 0;
    for path in PAGES {
        let text = page(path).replace("\\\n", " ");
        for command in text.lines().filter(|line| line.starts_with("curl ")) {
            let status = send(&server, command).await;
            // An id stands for one that the reader has, and what is put may be new.
            let wanted: &[u16] = match (command.contains("/ID"), command.contains("-X PUT")) {
                (true, _) => &[404],
                (false, true) => &[200, 201],
                (false, false) => &[200],
            };
            assert!(wanted.contains(&status), "{path}: {command}: {status}");
            sent += 1;
        }
    }
    assert!(sent >= 30, "{sent}");
    server.terminate();
}

/// Adds the paths of all members of a value. Of lists the first item counts.
fn members(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members_of) => {
            for (name, below) in members_of {
                found.push(format!("{path}.{name}"));
                members(below, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => {
            items.iter().take(1).for_each(|item| members(item, &format!("{path}[]"), found))
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_statistics_in_the_readme_have_the_members_that_the_service_prints() {
    let text = page("README.md");
    let (_, after) =
        text.split_once("/v1/stats'\n```\n\n```json\n").expect("the README shows the statistics");
    let shown: Value = serde_json::from_str(after.split("```").next().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--provider-latency-ms=0"]);
    for _ in 0..2 {
        server.json("/v1/quotes?symbols=AAPL,NOPE").await;
    }
    let printed = server.json("/v1/stats").await;
    let (mut of_readme, mut of_service) = (Vec::new(), Vec::new());
    members(&shown, "", &mut of_readme);
    members(&printed, "", &mut of_service);
    assert_eq!(of_readme, of_service);
    server.terminate();
}

/// What the guide shows as providers of a JSON API and of files opens, and it names each market that a setting may
/// have.
#[test]
fn rule_75_the_guide_s_provider_of_json_and_its_markets_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/configuration.md");
    let guide = fs::read_to_string(path).unwrap();
    let (_, json_block) =
        guide.split_once("```yaml\nproviders:\n  - kind: json\n").expect("the guide has the example");
    let (rest, _) = json_block.split_once("```").unwrap();
    let file = folder.path().join("cache.yaml");
    fs::write(&file, json(rest)).unwrap();
    let mut checked = command(folder.path(), &[]);
    let (sound, said) = run(checked.env("ACME_KEY", "key").args(["config", "--check"]).arg(&file));
    assert!(sound, "{said}");

    let (_, block) = guide.split_once("```yaml\nproviders:\n  - kind: csv\n").expect("and one of files");
    let (rest, _) = block.split_once("```").unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    fs::write(files.join("AAPL.csv"), "").unwrap();
    let rest = rest.replace("/srv/market", &files.display().to_string());
    let (sound, said) = check(folder.path(), &format!("providers:\n  - kind: csv\n{rest}"), folder.path());
    assert!(sound, "{said}");

    let (rest, _) = json_block.split_once("```").unwrap();
    let (_, said) = check(folder.path(), &json(rest).replace("[US]", "[USA]"), folder.path());
    let (_, known) = said.split_once("there are ").expect("the check names the markets");
    let known: Vec<&str> = known.lines().next().unwrap().split(", ").map(str::trim).collect();
    assert!(known.len() > 50 && known.contains(&"CRYPTO"), "{said}");
    for market in known {
        assert!(guide.contains(&format!("`{market}`")), "the guide lacks {market}");
    }
}

//! `check`: what a configuration names is asked, without a service.

use std::path::Path;

use serde_json::json;

use crate::fixture::{
    cli::{Said, cli, run, silent},
    process::Server,
};

fn check(data: &Path, args: &[&str]) -> Said {
    run(cli("http://127.0.0.1:1", &["check"]).arg("--data-dir").arg(data).args(args))
}

#[test]
fn a_configuration_that_works_is_said_to_part_by_part_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("none");
    let works = ["configuration", "valid", "disk", "will be created", "provider replay", "works", "price of"];
    check(&folder, &[]).expect(0, &works);
    assert!(!folder.exists(), "a check leaves nothing behind");
    let told = check(&folder, &["--json", "--skip-providers"]).expect(0, &[]).json();
    assert_eq!(
        (&told["ok"], &told["warnings"], told["parts"].as_array().unwrap().len()),
        (&json!(true), &json!([]), 1)
    );
}

#[test]
fn what_fails_is_named_with_the_remedy_and_ends_with_a_failure() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    check(data.path(), &[]).expect(1, &["disk", "fails", "if a service runs on this folder"]);
    server.terminate();
    check(data.path(), &[]).expect(0, &["disk", "works"]);

    let silent = silent();
    let nobody = silent.local_addr().unwrap();
    let redis = format!("--redis-url=redis://{nobody}");
    check(data.path(), &[&redis])
        .expect(1, &["redis", "fails", "redis: look whether the server runs", "works"]);

    let file = data.path().join("cache.yaml");
    let yaml =
        format!("providers: [{{kind: yahoo, name: far, base_url: 'http://{nobody}', timeout_ms: 2000}}]");
    std::fs::write(&file, yaml).unwrap();
    let config = format!("--config={}", file.display());
    check(data.path(), &[&config]).expect(1, &["provider far", "fails", "look at its base_url"]);
    let told = check(data.path(), &[&config, "--json"]).expect(1, &[]).json();
    assert_eq!(told["ok"], false);
    let far = told["parts"].as_array().unwrap().iter().find(|part| part["name"] == "provider far").unwrap();
    assert!(far["remedy"].as_str().unwrap().contains("base_url"), "{far}");
}

#[test]
fn what_bites_is_a_warning_here_and_at_the_start_and_what_is_wrong_an_error() {
    let data = tempfile::tempdir().unwrap();
    let bites = "warning: --ttl-price: ttl.price is 0";
    check(data.path(), &["--ttl-price=0", "--skip-providers"]).expect(0, &[bites, "such as 5"]);
    check(data.path(), &["--set=memory.mb=1"]).expect(1, &["did you mean memory.mib"]);
    let told = check(data.path(), &["--set=memory.mb=1", "--json"]).expect(1, &[]).json();
    assert!(told["errors"][0].as_str().unwrap().contains("memory.mib"), "{told}");
}

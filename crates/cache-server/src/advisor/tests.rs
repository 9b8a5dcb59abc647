//! Each rule, by configurations: one that bites, and one beside it that doesn't.

use super::{Machine, RULES, advise};
use crate::{ConfigSources, settings::Settings};
use cache_config::Section;

const MIB: u64 = 1 << 20;
const DAY: i64 = 86_400;

/// A machine on which nothing is short.
fn roomy() -> Machine {
    Machine { memory_limit: None, disk_room: Some(1 << 50), now: 1_000 * DAY, certificate_ends: None }
}

fn advice_on(machine: &Machine, yaml: &str) -> Vec<String> {
    let mut reader = Settings::reader();
    reader.yaml("c.yaml", yaml);
    let (values, _) = reader.finish().unwrap_or_else(|errors| panic!("{yaml}: {errors}"));
    let advice = advise(&Settings::from_values(&values), &values, machine);
    advice.into_iter().map(|(_, text)| text).collect()
}

/// Expects that the configuration is advised on by just this: all its parts are in one text.
fn expect(machine: &Machine, yaml: &str, parts: &[&str]) {
    let advice = advice_on(machine, yaml);
    assert_eq!(advice.len(), 1, "{yaml}: {advice:#?}");
    for part in parts {
        assert!(advice[0].contains(part), "{yaml}: {part:?} is not in {:?}", advice[0]);
    }
}

fn expect_none(machine: &Machine, yaml: &str) {
    assert_eq!(advice_on(machine, yaml), Vec::<String>::new(), "{yaml}");
}

#[test]
fn the_defaults_need_no_advice_in_either_profile() {
    for profile in ["development", "production"] {
        expect_none(&roomy(), &format!("profile: {profile}"));
    }
    let names: std::collections::HashSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), RULES.len(), "each has a name of its own");
}

#[test]
fn an_address_of_others_wants_a_token_and_the_token_wants_tls() {
    for public in ["0.0.0.0:80", "'[::]:80'", "192.0.2.7:80", "cache.example:80"] {
        let parts = ["c.yaml:1", "access_token", "CACHE_ACCESS_TOKEN"];
        expect(&roomy(), &format!("listen: {public}"), &parts);
        let with = format!("listen: {public}\naccess_token: sixteen-letters-or-more");
        expect(&roomy(), &with, &["the token goes over the network", "tls.certificate and tls.key"]);
        expect_none(&roomy(), &format!("{with}\ntls: {{certificate: c.pem, key: k.pem}}"));
    }
    for own in ["127.0.0.1:80", "localhost:80", "'[::1]:80'", "127.9.9.9:80"] {
        expect_none(&roomy(), &format!("listen: {own}"));
        expect_none(&roomy(), &format!("listen: {own}\naccess_token: sixteen-letters-or-more"));
    }
}

#[test]
fn a_certificate_is_renewed_before_it_ends() {
    let yaml = "tls: {certificate: c.pem, key: k.pem}";
    let ending = |days: i64| Machine { certificate_ends: Some(roomy().now + days * DAY), ..roomy() };
    for (days, said) in [
        (29, "ends in 29 days"),
        (1, "ends in 1 day,"),
        (0, "ends in less than a day"),
        (-3, "ended 3 days ago"),
    ] {
        expect(&ending(days), yaml, &["c.yaml:1", "tls.certificate is c.pem", said, "renew it"]);
    }
    expect_none(&ending(30), yaml);
}

#[test]
fn budgets_fit_the_container_and_the_disk() {
    let limited = |mib: u64| Machine { memory_limit: Some(mib * MIB), ..roomy() };
    let room = |mib: u64| Machine { disk_room: Some(mib * MIB), ..roomy() };
    expect(
        &limited(512),
        "memory: {mib: 400}",
        &["memory.mib is 400", "512 MiB in all", "memory.mib 358 at most"],
    );
    expect(&limited(64), "", &["default", "memory.mib is 64", "or the container 92 MiB"]);
    expect_none(&limited(512), "memory: {mib: 358}");
    expect_none(&limited(512), "memory: {mib: 500, pressure_threshold: 0.5}");

    expect(
        &room(1000),
        "disk: {mib: 1024}",
        &["disk.mib is 1024", "room for 1000 MiB", "disk.mib 900 at most"],
    );
    expect_none(&room(1024), "disk: {mib: 1024}");
    expect(&room(7), "disk: {mib: 1024}", &["disk.mib", "room for 7 MiB", "make room for 16 MiB at least"]);

    expect(
        &roomy(),
        "memory: {mib: 512}\ndisk: {mib: 256}",
        &["disk.mib is 256", "memory.mib, which is 512", "disk.mib 512"],
    );
    expect_none(&roomy(), "memory: {mib: 256}\ndisk: {mib: 256}");
}

#[test]
fn a_grace_outlasts_a_load_that_hangs() {
    let yaml = "ttl: {price: 60}\ngrace: {price: 65}";
    expect(
        &roomy(),
        yaml,
        &["grace.price is 65 s", "lives 60 s", "served stale for 5 s", "10000", "grace.price 70 at least"],
    );
    expect_none(&roomy(), "ttl: {price: 60}\ngrace: {price: 70}");
    expect_none(&roomy(), "ttl: {price: 60}\ngrace: {price: 65}\nlimits: {load_timeout_ms: 5000}");
    expect(&roomy(), "ttl: {ohlcv: 60}\ngrace: {ohlcv: 60}", &["grace.ohlcv is 60 s", "stale for 0 s"]);
}

#[test]
fn what_lives_for_no_time_is_no_cache() {
    expect(&roomy(), "ttl: {price: 0}", &["ttl.price is 0", "each request", "such as 5"]);
    expect_none(&roomy(), "ttl: {price: 1}");
}

#[test]
fn a_bus_has_other_nodes_and_shared_tiers_have_a_bus() {
    let redis = "redis: {url: 'redis://cache.example'}";
    expect(
        &roomy(),
        &format!("{redis}\nbus: {{by: redis}}"),
        &["bus.by is redis", "127.0.0.1:8080", "nobody hears"],
    );
    expect_none(&roomy(), redis);
    expect(
        &roomy(),
        &format!("{redis}\nbus: {{by: off}}"),
        &["bus.by is off", "redis may be shared", "leave bus.by out"],
    );
    expect_none(&roomy(), "bus: {by: off}");
    let public =
        "listen: 10.0.0.1:80\naccess_token: sixteen-letters-or-more\ntls: {certificate: c.pem, key: k.pem}";
    expect_none(&roomy(), &format!("{public}\n{redis}\nbus: {{by: redis}}"));
}

#[test]
fn a_quota_can_refresh_what_dies() {
    let provider = |kind: &str, quota: &str| {
        format!(
            "warming: {{popular: [AAPL, MSFT]}}\nproviders: [{{kind: {kind}, name: p, key: {{env: K}}, quota: {{{quota}}}}}]\n"
        )
    };
    let yahoo = |quota: &str| provider("yahoo", quota).replace("key: {env: K}, ", "");
    // A session has 23,400 s: 390 rounds of 60 s.
    expect(
        &roomy(),
        &format!("{}ttl: {{price: 60}}", yahoo("per_day: 300")),
        &["lives 60 s", "provider p", "300 calls a day", "takes 390", "ttl.price 78"],
    );
    expect_none(&roomy(), &format!("{}ttl: {{price: 60}}", yahoo("per_day: 390")));
    expect_none(&roomy(), &format!("{}ttl: {{price: 60}}", yahoo("per_second: 1")));
    // One that takes a symbol a call needs a call for each of the popular.
    let yaml = format!("{}ttl: {{price: 60}}", provider("alpha_vantage", "per_day: 500"));
    expect(&roomy(), &yaml, &["the 2 symbols of warming.popular", "takes 780", "ttl.price 94"]);
    expect_none(
        &roomy(),
        &format!("{}ttl: {{price: 1}}", "providers: [{kind: replay, quota: {per_day: 1}}]\n"),
    );
}

#[test]
fn a_request_waits_for_the_retries_of_its_provider() {
    let provider =
        |timeout: u64| format!("providers: [{{kind: yahoo, name: p, timeout_ms: {timeout}, retries: 1}}]");
    let parts = ["default", "limits.load_timeout_ms is 10000", "12000 ms for one call", "24200"];
    expect(&roomy(), &provider(12_000), &parts);
    expect_none(&roomy(), &provider(5000));
}

#[test]
fn the_start_says_what_rules_found_as_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = ConfigSources::new([]);
    sources.flag("data-dir", "disk.dir", &folder.path().join("data").display().to_string());
    sources.flag("ttl-price", "ttl.price", "0");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = runtime.block_on(async { sources.read_to_start() }).unwrap();
    assert!(
        config.warnings.iter().any(|warning| warning.starts_with("--ttl-price: ttl.price is 0")),
        "{:?}",
        config.warnings
    );
}

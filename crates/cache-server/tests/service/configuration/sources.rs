//! Where the value of a setting comes from, and the errors for invalid ones.

use std::{fmt::Write, fs, path::Path};

use cache_config::{Section, Setting, Values};
use cache_server::{Config, ConfigSources, Settings, WarmingSchedule, parse_command_line};
use proptest::prelude::*;

use crate::fixture::process::{command, refused};

/// A password that no output may contain.
const PASSWORD: &str = "hunter2";

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("cache.yaml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Returns whether the configuration is valid, and its print or its errors.
fn printed(command: &mut std::process::Command) -> (bool, String) {
    let output = command.arg("config").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Returns two valid texts of a setting, neither the default.
fn samples(setting: &Setting) -> Option<[&'static str; 2]> {
    Some(match setting.key {
        "memory.policy" => ["lru", "fifo"],
        "memory.protected_share"
        | "memory.pressure_threshold"
        | "replay.failure_rate"
        | "tracing.sample_ratio" => ["0.5", "0.75"],
        "memory.protect" => ["price:A*", "price:B*,price:C"],
        "bus.on_bus_loss" => ["ask_tiers", "serve_memory"],
        "log" => ["warn", "debug"],
        "tracing.propagate" | "tracing.keys" | "tracing.hits" => ["true", "false"],
        "tracing.service_name" => ["quotes", "md"],
        "metrics_prefix" => ["fiml_cache", "md"],
        "listen" => ["127.0.0.1:1", "127.0.0.1:2"],
        "computed" => ["technical", "total_return,inflation_rate"],
        "disk.dir" => ["./a", "./b"],
        "redis.timeout" | "postgres.timeout" => ["0.25", "2"],
        "redis.retry_on_timeout" | "warming.enabled" | "warming.fill" | "batch.enabled" | "lease.enabled" => {
            ["true", "false"]
        }
        "warming.popular" => ["AAPL", "MSFT,SPY"],
        "warming.schedule" | "batch.low_load_hours" => ["1,2", "3"],
        // They change others, or are not valid alone.
        "profile"
        | "redis.url"
        | "redis.password"
        | "redis.db"
        | "postgres.url"
        | "bus.by"
        | "calendars.file"
        | "providers"
        | "own_kinds"
        | "access_token"
        | "ttl.rules"
        | "tracing.otlp_endpoint" => {
            return None;
        }
        "redis.pool_size" => ["15", "16"],
        "limits.client_timeout_ms" => ["500", "700"],
        _ => ["17", "18"],
    })
}

/// Returns a file with these settings, in sections.
fn yaml<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in given {
        // A section must not be repeated, so callers give at most one setting of each.
        let value = if value.contains([',', '*', ':']) { format!("[{value}]") } else { value.to_owned() };
        match key.split_once('.') {
            Some((section, name)) => writeln!(text, "{section}:\n  {name}: {value}").unwrap(),
            None => writeln!(text, "{key}: {}", value.trim_matches(['[', ']'])).unwrap(),
        }
    }
    text
}

proptest! {
    /// Any setting is given by any of a file, a variable and a flag: the last of them is in force.
    #[test]
    fn flags_count_more_than_the_environment_and_that_more_than_the_file(
        at in 0_usize..1000,
        layers in proptest::array::uniform3(proptest::option::of(0_usize..2)),
    ) {
        let settings: Vec<Setting> =
            Settings::settings().into_iter().filter(|setting| samples(setting).is_some()).collect();
        let setting = &settings[at % settings.len()];
        let text = |which: Option<usize>| which.map(|which| samples(setting).unwrap()[which]);
        let [in_file, in_environment, by_flag] = layers.map(text);
        let variable = setting.spec.variables.first().copied().unwrap_or("NO_VARIABLE");

        let mut reader = Settings::reader();
        if let Some(text) = in_file {
            reader.yaml("cache.yaml", &yaml([(setting.key, text)]));
        }
        reader.env(in_environment.map(|text| (variable, text)));
        if let Some(text) = by_flag {
            reader.flag("set", setting.key, text);
        }
        let (values, _) = reader.finish().unwrap();

        let given = |which: Option<&str>, origin: &str| which.map(|text| (text.to_owned(), origin.to_owned()));
        let last = given(by_flag, "--set")
            .or_else(|| given(in_environment, variable))
            .or_else(|| given(in_file, "cache.yaml:"));
        match last {
            Some((text, origin)) => {
                let mut alone = Settings::reader();
                alone.flag("alone", setting.key, &text);
                let (alone, _) = alone.finish().unwrap();
                prop_assert_eq!(Settings::from_values(&values), Settings::from_values(&alone), "{}", setting.key);
                prop_assert!(values.origin(setting.key).to_string().starts_with(&origin));
            }
            None => {
                prop_assert_eq!(Settings::from_values(&values), Settings::default());
                prop_assert_eq!(values.origin(setting.key).to_string(), "default");
            }
        }
    }

    /// A printed configuration, read again, is the same.
    #[test]
    fn what_is_printed_can_be_read_again(picks in proptest::collection::vec((0_usize..1000, 0_usize..2), 0..8), dir in "\\PC{0,12}") {
        let settings: Vec<Setting> =
            Settings::settings().into_iter().filter(|setting| samples(setting).is_some()).collect();
        let mut reader = Settings::reader();
        for (at, which) in picks {
            let setting = &settings[at % settings.len()];
            reader.flag("set", setting.key, samples(setting).unwrap()[which]);
        }
        reader.flag("set", "listen", &dir);
        let Ok((values, _)) = reader.finish() else { return Ok(()) };
        let mut again = Settings::reader();
        again.yaml("printed", &values.to_yaml(&Settings::settings()));
        let (again, _) = again.finish().unwrap();
        prop_assert_eq!(Settings::from_values(&again), Settings::from_values(&values));
    }

    /// No file makes the reader panic.
    #[test]
    fn hostile_files_are_read_or_refused(text in "[a-z.:\\[\\]{}\\-#'\"&*!|> \n\t0-9]{0,300}") {
        let mut reader = Settings::reader();
        reader.yaml("hostile", &text);
        let _ = reader.finish();
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_with_its_line_and_the_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
memory:
  mb: 64
  policy: mru
ttl:
  price: soon
lissen: 127.0.0.1:80
warming:
  schedule: [0, 24]
providers:
  - name: a
    kind: yaho
";
    let path = file(folder.path(), text);
    let (fine, said) = printed(
        command(folder.path(), &["--config", &path, "--set=ttl.prise=1"]).env("CACHE_DISK_MIB", "lots"),
    );
    assert!(!fine);
    for part in [
        "has 8 errors",
        "cache.yaml:2:3: unknown setting memory.mb: did you mean memory.mib?",
        "cache.yaml:3:11: memory.policy is 'mru': give one of lru, lfu",
        "cache.yaml:5:10: ttl.price is 'soon': give a whole number",
        "cache.yaml:6:1: unknown setting lissen: did you mean listen?",
        "cache.yaml:8:17: warming.schedule: '24' give hours from 0 to 23",
        "cache.yaml:11:11: providers, a: kind: did you mean yahoo?",
        "CACHE_DISK_MIB: disk.mib is 'lots': give a number in 16..=1073741824 (as by --disk-mib)",
        "--set: unknown setting ttl.prise: did you mean ttl.price?",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}

#[test]
fn a_file_that_is_no_yaml_or_not_there_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (text, part) in [
        ("memory: [\n", "cache.yaml:"),
        ("memory: 5\n", "memory is a section"),
        ("- memory\n", "give sections"),
        ("memory: {mib: 1, mib: 2}\n", "a second time"),
    ] {
        let path = file(folder.path(), text);
        let said = refused(&mut command(folder.path(), &["--config", &path]));
        assert!(said.contains(part) && said.contains("cache.yaml"), "{text:?}: {said}");
    }
    let said = refused(&mut command(folder.path(), &["--config", "nowhere.yaml"]));
    assert!(said.contains("nowhere.yaml: can't be read") && said.contains("--config"), "{said}");
}

#[test]
fn rules_that_say_grace_are_refused_with_the_name_that_they_mean() {
    let folder = tempfile::tempdir().unwrap();
    for rules in ["{grace: 60}", "{rows: {price: {grace: 60}}}"] {
        let path = file(folder.path(), &format!("ttl: {{rules: {rules}}}\n"));
        let said = refused(&mut command(folder.path(), &["--config", &path]));
        assert!(said.contains("unknown field \"grace\"") && said.contains("stale_for"), "{rules}: {said}");
    }
}

#[test]
fn a_file_is_checked_without_being_served_with() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let path = file(folder.path(), text);
        let output = command(folder.path(), &["config", "--check", &path]).output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (fine, said) = check("memory: {mib: 16}\n");
    assert!(fine && said.contains("is valid"), "{said}");
    let (fine, said) = check("memory: {mob: 16}\n");
    assert!(!fine && said.contains("did you mean memory.mib?"), "{said}");
}

#[test]
fn an_unknown_variable_of_ours_is_a_warning_and_those_of_others_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let (fine, said) = printed(
        command(folder.path(), &[]).env("CACHE_TTL_PRISE", "5").env("COLOUR", "red").env("CACHE_CONFIG", ""),
    );
    assert!(fine, "{said}");
    assert!(
        said.contains("warning: unknown variable CACHE_TTL_PRISE: did you mean CACHE_TTL_PRICE?"),
        "{said}"
    );
    assert!(!said.contains("COLOUR") && !said.contains("CACHE_CONFIG"), "{said}");
}

#[test]
fn the_model_systems_variables_are_honoured() {
    let given = [
        ("REDIS_URL", "redis://cache", "redis.url"),
        ("REDIS_PASSWORD", PASSWORD, "redis.password"),
        ("REDIS_DB", "3", "redis.db"),
        ("REDIS_POOL_SIZE", "10", "redis.pool_size"),
        ("REDIS_TIMEOUT", "5", "redis.timeout"),
        ("REDIS_RETRY_ON_TIMEOUT", "false", "redis.retry_on_timeout"),
        ("DATABASE_URL", "postgres://a:b@c/d", "postgres.url"),
        ("CACHE_TTL_SHORT", "301", "lives.short"),
        ("CACHE_TTL_MEDIUM", "1801", "lives.medium"),
        ("CACHE_TTL_LONG", "3601", "lives.long"),
        ("CACHE_TTL_VERY_LONG", "86401", "lives.very_long"),
        ("CACHE_TTL_PRICE", "1", "ttl.price"),
        ("CACHE_TTL_FUNDAMENTALS", "2", "ttl.fundamentals"),
        ("CACHE_TTL_TECHNICAL", "3", "ttl.technical"),
        ("CACHE_TTL_NEWS", "4", "ttl.news"),
        ("CACHE_TTL_MACRO", "5", "ttl.macro"),
        ("CACHE_WARMING_ENABLED", "true", "warming.enabled"),
        ("CACHE_WARMING_SCHEDULE", "0,6,12,18", "warming.schedule"),
        ("CACHE_WARMING_BATCH_SIZE", "50", "warming.batch_size"),
        ("CACHE_WARMING_INTERVAL", "300", "warming.interval"),
        ("CACHE_WARMING_MAX_CONCURRENT", "5", "warming.max_concurrent"),
        ("CACHE_BATCH_ENABLED", "true", "batch.enabled"),
        ("CACHE_BATCH_SIZE", "50", "batch.size"),
        ("CACHE_BATCH_INTERVAL", "60", "batch.interval"),
        ("CACHE_LOW_LOAD_HOURS", "0,1,2,3,4,5,6", "batch.low_load_hours"),
        ("CACHE_EVICTION_POLICY", "lfu", "memory.policy"),
        ("CACHE_MAX_TRACKED_ENTRIES", "10000", "memory.max_tracked_entries"),
        ("CACHE_MEMORY_PRESSURE_THRESHOLD", "0.9", "memory.pressure_threshold"),
    ];
    let variables = given.map(|(name, text, _)| (name.to_owned(), text.to_owned()));
    let config = ConfigSources::new(variables).read().unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    for (name, _, key) in given {
        assert_eq!(config.values.origin(key).to_string(), name);
    }
    let settings = &config.settings;
    assert_eq!((settings.cache.redis.db, settings.cache.redis.timeout), (Some(3), 5.0));
    assert_eq!(settings.ttl.macro_, Some(5));
    assert_eq!(settings.warming.schedule, WarmingSchedule::Hours(vec![0, 6, 12, 18]));
    assert_eq!(settings.cache.memory().build().stats().budget, (64 << 20) * 9 / 10);
}

#[test]
fn passwords_are_in_no_output_no_debug_and_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let (redis, postgres) = (
        format!("redis://app:{PASSWORD}@cache"),
        format!("postgres://u:{PASSWORD}@db/x?password={PASSWORD}"),
    );
    let variables =
        [("REDIS_URL", redis.as_str()), ("DATABASE_URL", &postgres), ("REDIS_PASSWORD", PASSWORD)];
    let (fine, said) = printed(command(folder.path(), &[]).envs(variables));
    assert!(fine && !said.contains(PASSWORD), "{said}");
    assert!(said.contains("redis://app:***@cache") && said.contains("password: \"***\""), "{said}");

    let owned = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let config: Config = ConfigSources::new(owned).read().unwrap();
    let shown = format!("{config:?} {:#?} {}", config.settings, config.to_yaml());
    assert!(!shown.contains(PASSWORD), "{shown}");

    let bad = format!("mysql://app:{PASSWORD}@cache");
    let path = file(folder.path(), &format!("redis:\n  url: {bad}\n  pasword: {PASSWORD}\n"));
    for command in [
        command(folder.path(), &[&format!("--redis-url={bad}")]),
        command(folder.path(), &[&format!("--set=redis.url={bad}")]),
        command(folder.path(), &["--config", &path]),
    ] {
        let said = refused(&mut { command });
        assert!(said.contains("redis.url") && !said.contains(PASSWORD), "{said}");
    }
    let said = refused(command(folder.path(), &[]).env("DATABASE_URL", &bad));
    assert!(said.contains("DATABASE_URL") && !said.contains(PASSWORD), "{said}");
    let sample = format!("providers:\n  - kind: yahoo\n    key: {PASSWORD}\n");
    let said = refused(&mut command(folder.path(), &["--config", &file(folder.path(), &sample)]));
    assert!(said.contains("cache.yaml:3:") && !said.contains(PASSWORD), "{said}");
}

#[test]
fn what_was_printed_without_its_passwords_says_so_when_it_is_read() {
    let mut reader = Settings::reader();
    reader.yaml("printed", "redis:\n  url: \"redis://app:***@cache\"\n");
    let (_, warnings) = reader.finish().unwrap();
    assert!(warnings[0].contains("redis.url contains ***, which masks a password"), "{warnings:?}");
}

#[test]
fn production_changes_defaults_and_nothing_that_is_given() {
    let of = |args: &[&str]| {
        let (_, sources) = parse_command_line(["cache-server"].iter().chain(args), []).unwrap();
        sources.read().unwrap().settings
    };
    let production = of(&["--profile=production"]);
    assert_eq!((production.cache.memory.mib, production.cache.disk.mib), (256, 4096));
    assert_eq!(production.limits.connections, 8192);
    assert_eq!(of(&["--profile=production", "--memory-mib=32"]).cache.memory.mib, 32);
    let said = parse_command_line(["cache-server", "--profile=staging"], []).unwrap_err().to_string();
    assert!(said.contains("production"), "{said}");
    assert_eq!(Settings::from_values(&Values::default()), of(&["--profile=development"]));
}

#[test]
fn what_does_not_go_together_is_refused_where_it_was_given() {
    for (args, part) in [
        (vec!["--bus=redis"], "--bus: bus.by is redis, which needs redis.url (--redis-url or REDIS_URL)"),
        (vec!["--bus=postgres"], "which needs postgres.url (--postgres-url or DATABASE_URL)"),
        (vec!["--set=redis.db=1"], "give redis.url"),
        (vec!["--redis-url=redis://a,redis://b", "--set=redis.db=1"], "has no databases"),
    ] {
        let (_, sources) = parse_command_line(["cache-server"].iter().chain(&args), []).unwrap();
        let said = sources.read().unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
    }
}

//! The log filter: a level, or one by module, checked part by part.

use cache_config::shortened;
use strsim::damerau_levenshtein;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Words that other programs have for levels.
const FOREIGN_LEVELS: [(&str, &str); 8] = [
    ("none", "off"),
    ("fatal", "error"),
    ("critical", "error"),
    ("severe", "error"),
    ("notice", "info"),
    ("verbose", "debug"),
    ("fine", "debug"),
    ("all", "trace"),
];

const REMEDY: &str = "give off, error, warn, info, debug or trace, or by module: info,cache_disk=debug";

/// The longest filter, in bytes. One of very many parts takes long to read, and slows each line down.
const MAX_FILTER_BYTES: usize = 16 << 10;

/// The crates of this project, by the names of their targets.
const OWN_CRATES: [&str; 18] = [
    "cache_analytics",
    "cache_config",
    "cache_core",
    "cache_disk",
    "cache_facade",
    "cache_http",
    "cache_l1_redis",
    "cache_l2_pg",
    "cache_macros",
    "cache_market",
    "cache_memory",
    "cache_server",
    "cache_task",
    "cache_tier_suite",
    "cache_tls",
    "cache_warming",
    "market_calendar",
    "market_data",
];

/// Checks a filter of log lines.
///
/// # Errors
///
/// What is wrong with which part of it, and the level that was probably meant.
///
/// ```
/// use cache_server::check_filter;
///
/// assert!(check_filter("info,cache_disk=debug").is_ok());
/// assert!(check_filter("debgu").unwrap_err().contains("did you mean debug?"));
/// ```
pub fn check_filter(text: &str) -> Result<(), String> {
    parse(text).map(drop)
}

/// Returns what is probably misspelled in a valid filter: a module of nearly the name of one of the project's
/// crates. Which crates the dependencies have can't be known.
pub(crate) fn likely_typos(text: &str) -> Vec<String> {
    let targets = text.split(',').filter_map(|part| part.split_once('=')).map(|(target, _)| target.trim());
    let crates = targets.map(|target| target.split([':', '[']).next().unwrap_or_default());
    let typo = |name: &str| {
        let meant = OWN_CRATES.into_iter().min_by_key(|own| damerau_levenshtein(name, own))?;
        (1..=2)
            .contains(&damerau_levenshtein(name, meant))
            .then(|| format!("log: no crate of this project is called {name}: did you mean {meant}?"))
    };
    crates.filter(|name| name.len() < 32 && !OWN_CRATES.contains(name)).filter_map(typo).collect()
}

/// Reads a filter. Errors of modules that it doesn't name are logged too, unless it has a level for them.
pub(super) fn parse(text: &str) -> Result<EnvFilter, String> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(format!("it has {} bytes, the limit is {MAX_FILTER_BYTES}: {REMEDY}", text.len()));
    }
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(format!("it is empty: {REMEDY}"));
    }
    let mut checked = vec!["error".to_owned()];
    for part in parts {
        checked.push(check_part(part).map_err(|why| format!("{why}{REMEDY}"))?);
    }
    // Of two levels for one target the later counts.
    EnvFilter::try_new(checked.join(",")).map_err(|error| format!("{error}: {REMEDY}"))
}

/// Checks `LEVEL`, or `TARGET=LEVEL`. Returns it without blanks.
fn check_part(part: &str) -> Result<String, String> {
    // A span's fields have an `=` of their own.
    let names_end = part.rfind(']').map_or(0, |at| at + 1);
    let Some(at) = part[names_end..].find('=').map(|at| at + names_end) else {
        return match level(part) {
            Ok(()) => Ok(part.to_owned()),
            Err(_) if part.contains("::") || part.contains('[') || is_ours(part) => {
                let part = shortened(part);
                Err(format!("{part:?} has no level, such as {part}=debug: "))
            }
            Err(why) => Err(why),
        };
    };
    let (target, text) = (part[..at].trim(), part[at + 1..].trim());
    level(text)?;
    let module = target.split_once('[').map_or(target, |(module, _)| module);
    if (module.is_empty() && module.len() == target.len())
        || !(module.is_empty() || module.split("::").all(is_identifier))
    {
        let hyphens = module.replace('-', "_");
        let meant = if hyphens.split("::").all(is_identifier) {
            format!("did you mean {}? ", shortened(&hyphens))
        } else {
            String::new()
        };
        let target = shortened(target);
        return Err(format!("{target:?} is no module, such as cache_facade::load: {meant}"));
    }
    Ok(format!("{target}={text}"))
}

/// Whether it begins as the crates of this project do.
fn is_ours(name: &str) -> bool {
    name.starts_with("cache_") || name.starts_with("market_")
}

fn level(text: &str) -> Result<(), String> {
    if !text.is_empty() && text.parse::<LevelFilter>().is_ok() {
        return Ok(());
    }
    let meant = nearest(text).map_or_else(String::new, |level| format!("did you mean {level}? "));
    Err(format!("{:?} is no level: {meant}", shortened(text)))
}

/// Returns the level that was probably meant.
fn nearest(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    if let Some((_, level)) = FOREIGN_LEVELS.iter().find(|(word, _)| *word == text) {
        return Some(level);
    }
    let typos = |level: &&str| damerau_levenshtein(&text, level);
    let level = LEVELS.into_iter().min_by_key(typos)?;
    let likely = typos(&level) * 2 <= text.chars().count().max(level.len());
    (likely && !text.is_empty()).then_some(level)
}

fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rule_71_levels_and_modules_with_levels_are_filters() {
        for text in [
            "info",
            "off",
            "INFO",
            "Warn",
            "3",
            "info,cache_disk=debug",
            "cache_facade=debug,warn",
            " warn , cache_facade::load = trace ",
            "info,",
            "somebody_elses_crate::module=off,error",
            "_private=info",
            "[span]=debug,info",
            "hyper[conn{id=7}]=trace",
        ] {
            assert_eq!(check_filter(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn rule_71_what_is_no_level_is_refused_with_the_nearest() {
        for (text, nearest) in [
            ("debgu", "debug"),
            ("DEBGU", "debug"),
            ("inof", "info"),
            ("inffo", "info"),
            ("warning", "warn"),
            ("wran", "warn"),
            ("err", "error"),
            ("eror", "error"),
            ("tarce", "trace"),
            ("traces", "trace"),
            ("of", "off"),
            ("fatal", "error"),
            ("verbose", "debug"),
            ("none", "off"),
            ("info,cache_disk=debgu", "debug"),
            ("cache_disk=inf,warn", "info"),
            ("warn,wran", "warn"),
        ] {
            let why = check_filter(text).unwrap_err();
            assert!(why.contains(&format!("did you mean {nearest}?")), "{text:?}: {why}");
        }
    }

    #[test]
    fn rule_71_what_would_silence_errors_unseen_is_refused() {
        for (text, said) in [
            ("", "empty"),
            (" ", "empty"),
            (",", "empty"),
            ("xyzzy", "is no level"),
            ("true", "is no level"),
            ("6", "is no level"),
            ("-1", "is no level"),
            ("cache_facade", "cache_facade=debug"),
            ("cache_facade::load", "cache_facade::load=debug"),
            ("cache-facade=debug", "did you mean cache_facade?"),
            ("cache_facade:load=debug", "is no module"),
            ("cache_facade::=debug", "is no module"),
            ("=debug", "is no module"),
            ("cache facade=debug", "is no module"),
            ("cache_facade=", "is no level"),
            ("a=b=c", "is no level"),
            ("info debug", "is no level"),
            ("info;debug", "is no level"),
            ("[span]", "has no level"),
            ("7up=info", "is no module"),
        ] {
            let why = check_filter(text).unwrap_err();
            assert!(why.contains(said) && why.contains("give off, error"), "{text:?}: {why}");
        }
    }

    #[test]
    fn rule_71_nearly_the_name_of_one_of_our_crates_is_told_and_no_other() {
        for (text, meant) in [
            ("info,cache_dsk=debug", Some("cache_disk")),
            ("cache_fasade::load=debug", Some("cache_facade")),
            (" maket_data = trace ,warn", Some("market_data")),
            ("cache_sever[request]=debug", Some("cache_server")),
            ("info", None),
            ("cache_disk=debug,market_data::http=trace", None),
            ("hyper=info,tokio_postgres=warn,fjall=debug,[span]=debug", None),
        ] {
            let told = likely_typos(text);
            assert_eq!(told.len(), usize::from(meant.is_some()), "{text}: {told:?}");
            assert!(
                meant.is_none_or(|meant| told[0].contains(&format!("did you mean {meant}?"))),
                "{told:?}"
            );
        }
    }

    #[test]
    fn rule_71_the_crates_that_are_told_are_those_of_the_workspace() {
        let crates = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            path.join("Cargo.toml")
                .exists()
                .then(|| path.file_name().unwrap().to_str().unwrap().replace('-', "_"))
        };
        let mut names: Vec<String> = crates.filter_map(name).collect();
        names.sort();
        assert_eq!(names, OWN_CRATES);
    }

    #[test]
    fn rule_71_a_long_filter_is_refused_and_its_parts_are_not_repeated_in_full() {
        let parts: String = (0..100_000).map(|at| format!("m{at}=info,")).collect();
        assert!(check_filter(&parts).unwrap_err().contains("the limit is 16384"));
        for text in ["x".repeat(10_000), format!("{}=debug", "x-".repeat(5_000)), "a::".repeat(3_000)] {
            let why = check_filter(&text).unwrap_err();
            assert!(why.chars().count() < 700 && why.contains("give off, error"), "{why}");
        }
    }

    #[test]
    fn rule_71_modules_alone_leave_the_errors_of_all_others() {
        let filter = |text: &str| parse(text).unwrap().to_string();
        assert!(filter("cache_facade=debug").split(',').any(|part| part == "error"));
        assert!(!filter("cache_facade=debug,off").split(',').any(|part| part == "error"));
        assert!(filter("cache_facade=debug,warn").split(',').any(|part| part == "warn"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A word that passes is a level, whatever it is.
        #[test]
        fn rule_71_no_other_word_passes(word in "[a-z]{1,8}") {
            prop_assert_eq!(check_filter(&word).is_ok(), LEVELS.contains(&word.as_str()));
            let part = format!("info,cache_disk={word}");
            prop_assert_eq!(check_filter(&part).is_ok(), LEVELS.contains(&word.as_str()));
        }

        /// Whatever is given, the check neither panics nor lets through what can't be used.
        #[test]
        fn rule_71_any_text_is_judged(text in "\\PC{0,40}|[a-z=:,\\[\\]{} ]{0,30}") {
            let _ = check_filter(&text);
        }
    }
}

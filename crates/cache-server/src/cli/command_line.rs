//! The command line: a flag for what has one, `--set` for everything, and what to do.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use cache_config::{ConfigReader, Profile, Section, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::calendar::CalendarArgs;
use crate::{config::Sources, settings::Settings};

/// What the process is started for.
#[derive(Clone, Debug)]
pub enum Task {
    /// To serve.
    Serve,
    /// To print the configuration that it would serve with.
    Show,
    /// To say whether this file can be served with.
    Check(PathBuf),
    /// To say when a market trades.
    Calendar(CalendarArgs),
}

/// Reads a command line, the program's name first.
///
/// # Errors
///
/// What is wrong with it, or what was asked to be printed instead: help, or the version.
pub fn invocation(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Task, Sources), clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let mut sources = Sources::new(variables);
    given(&matches, &mut sources);
    let task = match matches.subcommand() {
        Some(("config", below)) => {
            given(below, &mut sources);
            match below.get_one::<PathBuf>("check") {
                Some(file) => Task::Check(file.clone()),
                None => Task::Show,
            }
        }
        Some(("calendar", below)) => Task::Calendar(CalendarArgs::from_arg_matches(below)?),
        _ => Task::Serve,
    };
    Ok((task, sources))
}

/// The command line as clap knows it.
pub(crate) fn command() -> Command {
    let show = Command::new("config")
        .about("Prints the configuration in force: what holds, and where each value comes from")
        .arg(
            Arg::new("check")
                .long("check")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Says whether this file can be served with, and all that is wrong with it"),
        );
    Command::new("cache-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A market-data service: quotes and daily bars from memory, then disk, then a slow provider")
        .subcommand(show.args(args()))
        .subcommand(CalendarArgs::augment_args(Command::new("calendar")))
        .args(args())
}

/// What may be set by flags, by whoever serves or prints the configuration.
fn args() -> Vec<Arg> {
    let settings = Settings::settings();
    let judge = Arc::new(ConfigReader::new(settings.clone()));
    let mut args = vec![
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("The file to read first, in YAML; see cache.example.yaml [env: CACHE_CONFIG]"),
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Sets anything by its name in the file: --set warming.enabled=true"),
    ];
    args.extend(settings.iter().filter_map(|setting| arg(setting, &judge)));
    args
}

fn arg(setting: &Setting, judge: &Arc<ConfigReader>) -> Option<Arg> {
    let flag = setting.spec.flag?;
    let arg = Arg::new(setting.key)
        .long(flag)
        .value_name(value_name(setting))
        .allow_negative_numbers(true)
        .action(if setting.spec.list { ArgAction::Append } else { ArgAction::Set })
        .help(help(setting));
    // What clap refuses it repeats, so what may hold a password is judged later.
    if setting.spec.secret {
        return Some(arg);
    }
    let (key, judge) = (setting.key, Arc::clone(judge));
    Some(arg.value_parser(move |text: &str| judge.judge(key, text).map(|()| text.to_owned())))
}

fn value_name(setting: &Setting) -> &'static str {
    match setting.spec.unit {
        "s" => "SECONDS",
        "ms" => "MS",
        "MiB" => "MIB",
        _ => "VALUE",
    }
}

fn help(setting: &Setting) -> String {
    let mut help = setting.about.trim_end_matches('.').to_owned();
    let default = setting.default_text(Profile::Development);
    if !["null", "[]"].contains(&default.as_str()) {
        help.push_str(&format!(" [default: {default}]"));
    }
    if let Some(variable) = setting.spec.variables.first() {
        help.push_str(&format!(" [env: {variable}]"));
    }
    help
}

/// Notes what these flags say.
fn given(matches: &ArgMatches, sources: &mut Sources) {
    if let Some(file) = matches.get_one::<PathBuf>("config") {
        sources.file = Some(file.clone());
    }
    for setting in Settings::settings() {
        let Some(flag) = setting.spec.flag else { continue };
        let Some(texts) = matches.get_many::<String>(setting.key) else { continue };
        let text = texts.map(String::as_str).collect::<Vec<_>>().join(",");
        sources.flag(flag, setting.key, &text);
    }
    for pair in matches.get_many::<String>("set").into_iter().flatten() {
        let (key, text) = pair.split_once('=').unwrap_or((pair, ""));
        sources.flag("set", key, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> String {
        let args = ["cache-server"].iter().chain(args);
        invocation(args, []).unwrap_err().to_string()
    }

    #[test]
    fn the_flags_are_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_value_that_cannot_hold_is_refused_with_the_flag_and_the_value() {
        for (flag, value) in [
            ("--provider-failure-rate", "1.5"),
            ("--provider-failure-rate", "nan"),
            ("--provider-batch", "0"),
            ("--memory-mib", "0"),
            ("--memory-mib", "1048577"),
            ("--memory-mib", "much"),
            ("--memory-policy", "mru"),
            ("--memory-protected-share", "2"),
            ("--memory-protect", "price:\\"),
            ("--ttl-price", "-1"),
            ("--bus", "pigeon"),
            ("--log", "a=b=c"),
        ] {
            let message = refused(&[&format!("{flag}={value}")]);
            assert!(message.contains(flag) && message.contains(value), "{message}");
        }
    }

    #[test]
    fn a_flag_may_stand_before_and_behind_the_subcommand() {
        for args in [
            ["cache-server", "--memory-mib=3", "config"],
            ["cache-server", "config", "--memory-mib=3"],
            ["cache-server", "config", "--set=memory.mib=3"],
        ] {
            let (task, sources) = invocation(args, []).unwrap();
            assert!(matches!(task, Task::Show));
            assert_eq!(sources.read().unwrap().settings.cache.memory.mib, 3, "{args:?}");
        }
    }
}

//! The command line: subcommands, a flag for each setting that has one, and `--set` for all.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use cache_config::{ConfigReader, Profile, Section, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::calendar::CalendarArgs;
use crate::{config::ConfigSources, settings::Settings};

/// What a command line asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Serve.
    Serve,
    /// Print the configuration in force.
    ShowConfig,
    /// Check this configuration file.
    CheckConfig(PathBuf),
    /// Print when a market trades.
    Calendar(CalendarArgs),
}

/// Parses a command line, the program's name first.
///
/// # Errors
///
/// An invalid argument, or the text to print instead: help or the version.
pub fn parse_command_line(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Action, ConfigSources), clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let mut sources = ConfigSources::new(variables);
    add_flags(&matches, &mut sources);
    let task = match matches.subcommand() {
        Some(("config", below)) => {
            add_flags(below, &mut sources);
            match below.get_one::<PathBuf>("check") {
                Some(file) => Action::CheckConfig(file.clone()),
                None => Action::ShowConfig,
            }
        }
        Some(("calendar", below)) => Action::Calendar(CalendarArgs::from_arg_matches(below)?),
        _ => Action::Serve,
    };
    Ok((task, sources))
}

/// Returns the command line as clap declares it.
pub(crate) fn command() -> Command {
    let show =
        Command::new("config").about("Prints the configuration in force, each value with its origin").arg(
            Arg::new("check")
                .long("check")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Checks this file instead, and prints all its errors"),
        );
    Command::new("cache-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A market-data service: every kind of data from memory, then disk and shared tiers, then slow providers")
        .after_help(without_effect())
        .subcommand(show.args(args()))
        .subcommand(CalendarArgs::augment_args(Command::new("calendar")))
        .args(args())
}

/// Returns the arguments that set something, for serving and for printing the configuration.
fn args() -> Vec<Arg> {
    let settings = Settings::settings();
    let reader = Arc::new(Settings::reader());
    let mut args = vec![
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("The configuration file, in YAML: see cache.example.yaml [env: CACHE_CONFIG]"),
        Arg::new("set")
            .long("set")
            .value_name("KEY=VALUE")
            .action(ArgAction::Append)
            .help("Sets any setting by its name in the file: --set ttl.news=600"),
    ];
    args.extend(settings.iter().filter_map(|setting| arg(setting, &reader)));
    args
}

fn arg(setting: &Setting, reader: &Arc<ConfigReader>) -> Option<Arg> {
    let flag = setting.spec.flag?;
    let arg = Arg::new(setting.key)
        .long(flag)
        .value_name(value_name(setting))
        .allow_negative_numbers(true)
        .action(if setting.spec.list { ArgAction::Append } else { ArgAction::Set })
        .help(help(setting));
    // clap repeats what it refuses, so the reader checks secrets later.
    if setting.spec.secret {
        return Some(arg);
    }
    let (key, reader) = (setting.key, Arc::clone(reader));
    Some(arg.value_parser(move |text: &str| reader.check(key, text).map(|()| text.to_owned())))
}

/// Returns the list of the settings without effect, most of which have no flag that could say so.
fn without_effect() -> String {
    let settings = Settings::settings();
    let keys: Vec<&str> =
        settings.iter().filter(|setting| setting.spec.without_effect).map(|setting| setting.key).collect();
    if keys.is_empty() {
        String::new()
    } else {
        format!("Settings that have no effect yet: {}", keys.join(", "))
    }
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
    let mut help = setting.about().trim_end_matches('.').to_owned();
    let default = setting.default_text(Profile::Development);
    if !["null", "[]"].contains(&default.as_str()) {
        help.push_str(&format!(" [default: {default}]"));
    }
    if let Some(variable) = setting.spec.variables.first() {
        help.push_str(&format!(" [env: {variable}]"));
    }
    help
}

/// Adds the flags of a command to the sources.
fn add_flags(matches: &ArgMatches, sources: &mut ConfigSources) {
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
        parse_command_line(args, []).unwrap_err().to_string()
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
            let (task, sources) = parse_command_line(args, []).unwrap();
            assert!(matches!(task, Action::ShowConfig));
            assert_eq!(sources.read().unwrap().settings.cache.memory.mib, 3, "{args:?}");
        }
    }
}

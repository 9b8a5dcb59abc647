//! The command line: subcommands, a flag for each setting that has one, and `--set` for all.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use cache_config::{ConfigReader, Profile, Section, Setting};
use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand, error::ErrorKind, value_parser,
};
use clap_complete::Shell;

use super::{calendar::CalendarArgs, shell::ManArgs};
use crate::{
    commands::{CLIENT_VARIABLES, CheckArgs, ClientCommand, EXIT_CODES},
    config::ConfigSources,
    settings::Settings,
};

/// What is said below the help of the program.
const ENVIRONMENT: &str = "\
Commands that speak to a running service read CACHE_URL (where it is), CACHE_ACCESS_TOKEN or CACHE_TOKEN_FILE (its
token), CACHE_CA_FILE (whom to trust) and NO_COLOR";

/// The flag that has recorded demand replayed.
const DEMO_LOAD: &str = "demo-load";

/// What a command line asks for.
#[derive(Clone, Debug)]
pub enum Action {
    /// Serve.
    Serve {
        /// Whether recorded demand is replayed against the service itself.
        demo_load: bool,
    },
    /// Print the configuration in force.
    ShowConfig,
    /// Check this configuration file.
    CheckConfig(PathBuf),
    /// Print when a market trades.
    Calendar(CalendarArgs),
    /// Check the configuration, and ask what it names.
    Check(CheckArgs),
    /// Speak to a running service.
    Client(Box<ClientCommand>),
    /// Print completions for a shell.
    Completions(Shell),
    /// Print a man page.
    Man(ManArgs),
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
    let variables = variables.into_iter().filter(|(name, _)| !CLIENT_VARIABLES.contains(&name.as_str()));
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
        Some(("check", below)) => {
            add_flags(below, &mut sources);
            Action::Check(CheckArgs::from_arg_matches(below)?)
        }
        Some(("completions", below)) => {
            let shell = below.get_one::<Shell>("shell").copied();
            Action::Completions(shell.unwrap_or(Shell::Bash))
        }
        Some(("man", below)) => Action::Man(ManArgs::from_arg_matches(below)?),
        Some((name, _)) if matches.args_present() => {
            let why = format!(
                "settings of the service stand before {name}, which speaks to one that runs: leave them out, or give its \
                 own flags behind {name}"
            );
            return Err(command().error(ErrorKind::ArgumentConflict, why));
        }
        Some(_) => Action::Client(Box::new(ClientCommand::from_arg_matches(&matches)?)),
        None => Action::Serve { demo_load: matches.get_flag(DEMO_LOAD) },
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
    let demo_load = Arg::new(DEMO_LOAD).long(DEMO_LOAD).action(ArgAction::SetTrue).help(
        "Replays recorded demand against the service itself, a few dozen requests a second, to show life",
    );
    let completions = Command::new("completions")
        .about("Prints completions for a shell, to be sourced by it")
        .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell)).help("The shell"));
    let root = Command::new("cache-server")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(below_help())
        .subcommand_help_heading("Commands");
    // The commands' own description would replace the program's.
    let root = ClientCommand::augment_subcommands(root)
        .about("A market-data service: every kind of data from memory, then disk and shared tiers, then slow providers");
    root.subcommand(CheckArgs::augment_args(Command::new("check")).args(args()))
        .subcommand(show.args(args()))
        .subcommand(CalendarArgs::augment_args(Command::new("calendar")))
        .subcommand(completions)
        .subcommand(ManArgs::augment_args(
            Command::new("man").about("Prints a man page, to be read by man -l"),
        ))
        .subcommand_required(false)
        .arg_required_else_help(false)
        .args(args())
        .arg(demo_load)
}

/// Returns what stands below the help: the environment, exit codes, and settings without effect.
fn below_help() -> String {
    let parts = [ENVIRONMENT.to_owned(), EXIT_CODES.to_owned(), without_effect()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
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
        let about = command().get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| about.starts_with("A market-data service")));
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

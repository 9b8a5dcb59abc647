//! The program: what the command line asks for, and how that ended.

use std::{
    env,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Result, anyhow};
use cache_config::ConfigErrors;
use cache_core::Clock;
use cache_server::{
    Action, Config, ConfigSources, calendar, check, completions, ignore_file_size_signal, in_background, man,
    parse_command_line, print, print_failure, print_to_stderr, run,
};

fn main() -> ExitCode {
    if let Err(error) = ignore_file_size_signal() {
        print_to_stderr(&format!("warning: can't ignore SIGXFSZ: {error}"));
    }
    // Variables that are not UTF-8 are not ours.
    let variables =
        env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let (action, sources) = match parse_command_line(env::args_os(), variables) {
        Ok(parsed) => parsed,
        Err(instead) => return help_or_refusal(instead),
    };
    let result = match action {
        Action::Serve { demo_load } => read_to_start(&sources).and_then(|config| run(&config, demo_load)),
        Action::Client(command) => return command.run(),
        Action::Check(args) => return check(&args, &sources),
        Action::Completions(shell) => print(&completions(shell)).map_err(|error| unwritable(&error)),
        Action::Man(args) => match man(&args) {
            Ok(page) => print(&page).map_err(|error| unwritable(&error)),
            Err(refusal) => return help_or_refusal(refusal),
        },
        Action::ShowConfig => show(&sources),
        Action::CheckConfig(file) => check_file(sources, &file),
        Action::Calendar(args) => calendar(&args, Clock::system().now(), &mut io::stdout().lock())
            .map_err(|error| anyhow!("{error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_failure(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints the help, the version, or what is wrong with the command line. Help that can't be written is a failure,
/// unless its reader has had enough.
fn help_or_refusal(instead: clap::Error) -> ExitCode {
    let code = u8::try_from(instead.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
    if instead.use_stderr() {
        in_background(move || instead.print());
        return code;
    }
    match instead.print().and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_to_stderr(&format!("error: {}", unwritable(&error)));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

fn unwritable(error: &io::Error) -> anyhow::Error {
    anyhow!("standard output can't be written to: {error}")
}

fn show(sources: &ConfigSources) -> Result<()> {
    let config = readable(sources.read())?;
    warn(&config);
    print(&config.to_yaml()).map_err(|error| unwritable(&error))
}

fn check_file(mut sources: ConfigSources, file: &Path) -> Result<()> {
    sources.file = Some(file.to_owned());
    warn(&read_to_start(&sources)?);
    print(&format!("{} is valid\n", file.display())).map_err(|error| unwritable(&error))
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        print_to_stderr(&format!("warning: {warning}"));
    }
}

/// Reads the configuration with all that would stop the start: the same for the check and for the start itself.
fn read_to_start(sources: &ConfigSources) -> Result<Config> {
    // The clients of servers are made as for a start, which needs a runtime; this one runs no task of theirs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { readable(sources.read_to_start()) })
}

/// Makes one error of all errors of a configuration.
fn readable(config: Result<Config, ConfigErrors>) -> Result<Config> {
    config.map_err(|errors| match errors.count() {
        1 => anyhow!("{errors}"),
        count => anyhow!("the configuration has {count} errors\n{errors}"),
    })
}

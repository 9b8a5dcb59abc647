//! What shells and manual readers want: completions, and man pages.

use std::io;

use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use super::command_line::command;

/// Prints a man page, to be read by `man -l`.
#[derive(Clone, Debug, clap::Args)]
pub struct ManArgs {
    /// The command whose page it is. Left out: the program's.
    command: Option<String>,
}

/// Returns the completions of the command line for a shell.
#[must_use]
pub fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    generate(shell, &mut command(), "cache-server", &mut text);
    let text = String::from_utf8_lossy(&text);
    // For bash, clap_complete 4.6 writes the hyphen of a program's name in two ways, and then finds no command.
    text.replace("cache__subcmd__server", "cache__server")
}

/// Returns a man page, to be read by `man -l`.
///
/// # Errors
///
/// If there is no such command.
pub fn man(args: &ManArgs) -> Result<String, clap::Error> {
    let mut root = command();
    root.build();
    let page = match &args.command {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(below) => below.clone(),
            None => return Err(unknown(&root, name)),
        },
    };
    let mut text = Vec::new();
    // Writing to memory can't fail.
    let written: io::Result<()> = Man::new(page).render(&mut text);
    debug_assert!(written.is_ok());
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn unknown(root: &Command, name: &str) -> clap::Error {
    let all: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
    root.clone().error(
        clap::error::ErrorKind::InvalidSubcommand,
        format!("there is no command {name:?}: there are {}", all.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_know_the_commands_and_their_flags() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let text = completions(shell);
            for word in ["invalidate", "dry-run", "demo-load", "memory-mib"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn what_bash_takes_for_a_command_has_its_flags() {
        let text = completions(Shell::Bash);
        let taken = text.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"'));
        let taken: Vec<&str> = taken.filter(|name| !name.is_empty()).collect();
        assert!(taken.len() > 10, "{taken:?}");
        for name in taken {
            assert!(text.lines().any(|line| line.trim() == format!("{name})")), "{name}");
        }
    }

    #[test]
    fn man_pages_render_for_the_program_and_each_command() {
        let page = man(&ManArgs { command: None }).unwrap();
        assert!(
            page.starts_with(".ie") && page.contains("invalidate") && page.contains("Exit codes"),
            "{page}"
        );
        for command in command().get_subcommands() {
            let args = ManArgs { command: Some(command.get_name().to_owned()) };
            assert!(man(&args).unwrap().contains(".SH SYNOPSIS"), "{args:?}");
        }
        let error = man(&ManArgs { command: Some("nope".to_owned()) }).unwrap_err();
        assert!(error.to_string().contains("there is no command \"nope\""), "{error}");
    }
}

//! Running other programs: what is run is shown first, and how it ended is told.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// `cargo` with `args`, at the workspace's root.
pub(crate) fn cargo<const N: usize>(root: &Path, args: [&str; N]) -> Command {
    let mut command = servers::cargo();
    command.args(args).current_dir(root);
    command
}

/// Shows the command on standard error, as one would type it.
pub(crate) fn show(command: &Command) {
    eprintln!("$ {}", line(command));
}

/// Shows and runs the command, and returns whether it succeeded.
///
/// # Errors
/// Fails if the program cannot be started.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    show(command);
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    Ok(status.success())
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    command.get_args().fold(name, |line, arg| format!("{line} {}", arg.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::{cargo, line, succeeds};

    #[test]
    fn a_command_is_shown_as_typed() {
        assert_eq!(line(&cargo(Path::new("."), ["fmt", "--all"])), "cargo fmt --all");
    }

    #[test]
    fn how_a_command_ended_is_told() {
        assert!(succeeds(&mut Command::new("true")).unwrap());
        assert!(!succeeds(&mut Command::new("false")).unwrap());
        let error = succeeds(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }
}

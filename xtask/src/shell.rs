//! Running other programs: what is run is shown first, and how it ended is told.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// `cargo` with `args`, at the workspace's root.
///
/// What `cargo run` tells this program about its own package is kept from the command: build
/// scripts that watch such variables would otherwise run again at every change of command.
pub(crate) fn cargo<const N: usize>(root: &Path, args: [&str; N]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
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

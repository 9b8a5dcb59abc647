//! `cargo xtask bench`: runs one benchmark program of `benches/src/bin` in release mode, or all of the docs.

mod all;
mod document;
mod programs;
mod record;
mod table;
mod today;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub(crate) use self::document::{PATH as DOCUMENT, page};
use crate::shell;

/// Where the benchmark programs are, from the root.
const PROGRAMS_DIR: &str = "benches/src/bin";

/// Runs the benchmark `name` with `args`, and returns whether it succeeded.
///
/// With `--json` among `args`, standard output carries one JSON object and nothing else.
///
/// # Errors
/// Fails for a name that is no benchmark, naming those there are, and if the output with
/// `--json` is not one JSON object.
pub(crate) fn run(root: &Path, name: Option<&str>, args: &[String]) -> Result<bool> {
    let known = programs(root)?;
    let Some(name) = name else {
        bail!("no benchmark given. There are: {}", listed(&known));
    };
    if name == all::NAME {
        return all::run(root, args);
    }
    if !known.iter().any(|program| program == name) {
        bail!("`{name}` is no benchmark. There are: {}", listed(&known));
    }
    let mut command = program(root, name);
    command.args(args);
    // A relative path among the arguments means what it means to the caller.
    command.current_dir(std::env::current_dir().context("cannot tell the current folder")?);
    if !args.iter().any(|arg| arg == "--json") {
        return shell::succeeds(&mut command);
    }
    match json(&mut command)? {
        Some(text) => print!("{text}"),
        None => return Ok(false),
    }
    Ok(true)
}

/// `cargo run` of a benchmark, to be followed by its arguments.
fn program(root: &Path, name: &str) -> Command {
    // What a benchmark compares with is behind a feature, so that tests and the service build without it.
    shell::cargo(root, ["run", "--release", "--package", "benches", "--all-features", "--bin", name, "--"])
}

/// Runs a benchmark that prints one JSON object, and returns that; `None` if the benchmark failed, which is shown.
fn json(command: &mut Command) -> Result<Option<String>> {
    shell::show(command);
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        eprint!("{text}");
        return Ok(None);
    }
    one_object(&text).map(|text| Some(text.to_owned()))
}

/// The text as it is, if it is one JSON object.
fn one_object(text: &str) -> Result<&str> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(text),
        Ok(_) => bail!("the benchmark printed JSON that is no object: {text}"),
        Err(error) => bail!("the benchmark printed something else than one JSON object ({error}): {text}"),
    }
}

/// The names of the benchmark programs: `x.rs` or a folder `x` with a `main.rs`.
fn programs(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(PROGRAMS_DIR);
    let entries =
        folder.read_dir().with_context(|| format!("cannot list the benchmarks in {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let is_program = path.extension().is_some_and(|ext| ext == "rs") || path.join("main.rs").is_file();
        if let (true, Some(stem)) = (is_program, path.file_stem()) {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        format!("none yet in {PROGRAMS_DIR}")
    } else {
        format!("{}; `{}` runs those that the docs show", names.join(", "), all::NAME)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{one_object, programs, run};

    #[test]
    fn only_one_json_object_is_passed_on() {
        assert_eq!(one_object("{\"ratio\": 1.1}\n").unwrap(), "{\"ratio\": 1.1}\n");
        assert!(one_object("[1]").unwrap_err().to_string().contains("no object"));
        for text in ["", "warming up\n{}", "{}\n{}", "{\"ratio\":"] {
            assert!(one_object(text).is_err(), "{text:?} was taken for one object");
        }
    }

    #[test]
    fn an_unknown_name_lists_those_there_are() {
        let root = std::env::temp_dir().join(format!("xtask-bench-{}", std::process::id()));
        let folder = root.join("benches/src/bin");
        fs::create_dir_all(folder.join("tiers")).unwrap();
        for file in ["hit.rs", "batch.rs", "tiers/main.rs", "notes.md"] {
            fs::write(folder.join(file), "").unwrap();
        }
        let found = programs(&root);
        let (unknown, unnamed) = (run(&root, Some("hti"), &[]), run(&root, None, &[]));
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found.unwrap(), ["batch", "hit", "tiers"]);
        assert_eq!(
            unknown.unwrap_err().to_string(),
            "`hti` is no benchmark. There are: batch, hit, tiers; `all` runs those that the docs show"
        );
        assert!(unnamed.unwrap_err().to_string().contains("batch, hit, tiers"));
    }
}

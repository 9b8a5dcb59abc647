//! Schemathesis, which sends what a service's own description allows and what it doesn't, and looks at the
//! answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The version, from PyPI.
const VERSION: &str = "4.32.5";

/// The folder of its environment, kept between runs.
fn folder() -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools");
    Path::new(target).join(format!("schemathesis-{VERSION}"))
}

fn program() -> PathBuf {
    folder().join("bin/schemathesis")
}

/// Finds a Python that can make environments.
///
/// # Errors
/// Fails if there is none.
pub(crate) fn python() -> Result<PathBuf> {
    let mut check = Command::new("python3");
    check
        .args(["-c", "import ensurepip, venv"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match check.status() {
        Ok(status) if status.success() => Ok(PathBuf::from("python3")),
        _ => bail!("python3 with the module venv is not installed"),
    }
}

/// Installs it from PyPI, unless it is there.
///
/// # Errors
/// Fails if pip does, and says how to do it by hand.
pub(crate) fn install() -> Result<()> {
    if program().is_file() {
        return Ok(());
    }
    let (folder, package) = (folder(), format!("schemathesis=={VERSION}"));
    eprintln!("installing {package} by pip");
    let by_hand =
        || format!("install by hand: python3 -m venv {0} && {0}/bin/pip install {package}", folder.display());
    run(Command::new(python()?).args(["-m", "venv"]).arg(&folder)).with_context(by_hand)?;
    let pip = folder.join("bin/pip");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", &package]))
        .with_context(by_hand)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    let status = status.with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if status.success() { Ok(()) } else { bail!("{:?} failed (see above)", command.get_program()) }
}

/// Lets Schemathesis try the service at `url` by its own description at `/openapi.json`, with at most `examples`
/// requests for each operation. Returns what it printed.
///
/// # Errors
/// Fails if it is not installed, or finds an answer with a status of 5xx, or one that is not described; the error
/// holds what it printed.
pub fn check_openapi(url: &str, examples: u32, left_out: &[&str]) -> Result<String> {
    let program = program();
    if !program.is_file() {
        bail!("Schemathesis is not installed: run `cargo xtask services`, which installs it");
    }
    let mut command = Command::new(program);
    command
        .args(["run", "--no-color", "--seed=1", "--phases=examples,coverage,fuzzing"])
        .args(["--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .arg(format!("--max-examples={examples}"))
        .args(left_out.iter().map(|path| format!("--exclude-path={path}")))
        .arg(format!("{url}/openapi.json"))
        .stdin(Stdio::null());
    let output = command.output().context("cannot start schemathesis")?;
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(told) } else { bail!("Schemathesis complains:\n{told}") }
}

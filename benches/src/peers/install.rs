//! Installs the packages of peers in other languages into a folder of their own, once, and says how they are run.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::process::output_within;

/// How long an installation may take.
const LIMIT: Duration = Duration::from_secs(300);

const NODE: Tool =
    Tool { program: "node", remedy: "install Node.js 20 or newer (`apt-get install nodejs npm`)" };
const NPM: Tool = Tool { program: "npm", remedy: "install it with Node.js (`apt-get install npm`)" };
const PYTHON: Tool = Tool {
    program: "python3",
    remedy: "install Python 3.10 or newer with venv (`apt-get install python3-venv`)",
};

/// A program of a toolchain.
pub(super) struct Tool {
    pub(super) program: &'static str,
    /// What to do if it is missing.
    pub(super) remedy: &'static str,
}

impl Tool {
    /// Finds it in the folders of `path`.
    pub(super) fn find(&self, path: &OsStr) -> Result<PathBuf> {
        let found =
            env::split_paths(path).map(|folder| folder.join(self.program)).find(|file| file.is_file());
        found.with_context(|| format!("`{}` is not installed: {}", self.program, self.remedy))
    }
}

/// Where scripts and lists of packages are, where packages are installed, and where toolchains are looked for.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// The folder of the scripts.
    pub sources: PathBuf,
    /// The folder that is installed into.
    pub into: PathBuf,
    /// The folders in which programs are looked for, as in `PATH`.
    pub path: OsString,
}

impl Scripts {
    /// Those of this benchmark, into `target/peers`, by the programs of `PATH`.
    #[must_use]
    pub fn here() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            sources: package.join("src/bin/peers"),
            into: package.join("../target/peers"),
            path: env::var_os("PATH").unwrap_or_default(),
        }
    }

    /// Makes the folder of one peer, and copies its script and its list of packages into it. The script gets
    /// another name there, for Python would take `cashews.py` for the package. Returns the folder.
    fn folder(&self, peer: &str, script: &str, copied_to: &str, packages: &str) -> Result<PathBuf> {
        let folder = self.into.join(peer);
        fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
        for (from, to) in [(script, copied_to), (packages, packages)] {
            fs::copy(self.sources.join(from), folder.join(to))
                .with_context(|| format!("can't copy {from} to {}", folder.display()))?;
        }
        Ok(folder)
    }
}

/// Installs bentocache by npm, and returns the command that measures it.
///
/// # Errors
///
/// If Node.js or npm is missing, or npm fails. The error says what to do.
pub fn bentocache(scripts: &Scripts) -> Result<Command> {
    let (node, npm) = (NODE.find(&scripts.path)?, NPM.find(&scripts.path)?);
    let folder = scripts.folder("bentocache", "bentocache.mjs", "peer.mjs", "package.json")?;
    once(&folder, "package.json", || {
        eprintln!("installing bentocache by npm");
        let args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
        run_tool(&npm, &args, &folder, LIMIT).context("npm can't install bentocache")
    })?;
    let mut command = Command::new(node);
    command.arg("peer.mjs").current_dir(&folder);
    Ok(command)
}

/// Installs cashews by pip into an environment, and returns the command that measures it.
///
/// # Errors
///
/// If Python is missing, or pip fails. The error says what to do.
pub fn cashews(scripts: &Scripts) -> Result<Command> {
    let python = PYTHON.find(&scripts.path)?;
    let folder = scripts.folder("cashews", "cashews.py", "peer.py", "requirements.txt")?;
    let inside = folder.join("venv/bin/python");
    once(&folder, "requirements.txt", || {
        eprintln!("installing cashews by pip");
        let venv = run_tool(&python, &["-m", "venv", "venv"], &folder, LIMIT);
        venv.with_context(|| format!("no environment of Python's: {}", PYTHON.remedy))?;
        let args =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        run_tool(&inside, &args, &folder, LIMIT).context("pip can't install cashews")
    })?;
    let mut command = Command::new(&inside);
    command.arg("peer.py").current_dir(&folder);
    Ok(command)
}

/// Installs, unless that was done by the same list of packages.
fn once(folder: &Path, list: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let (wanted, done) = (fs::read_to_string(folder.join(list))?, folder.join(format!("installed-{list}")));
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&done, wanted).with_context(|| format!("can't write {}", done.display()))
}

/// Runs a program of a toolchain in a folder. Its output is told only if it fails.
pub(super) fn run_tool(program: &Path, args: &[&str], folder: &Path, limit: Duration) -> Result<()> {
    let shown = || format!("`{} {}`", program.display(), args.join(" "));
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    let output = output_within(&mut command, limit).with_context(shown)?;
    if output.status.success() {
        return Ok(());
    }
    let told: Vec<String> = [&output.stderr, &output.stdout]
        .iter()
        .map(|text| last_lines(&String::from_utf8_lossy(text)))
        .collect();
    bail!("{} failed ({}): {}", shown(), output.status, told.join(" ").trim())
}

/// The last lines of a text, as one.
fn last_lines(text: &str) -> String {
    const LINES: usize = 4;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join(" ")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::{Scripts, bentocache, cashews};

    /// Scripts as they are, installed into `folder` by the programs that lie in its `bin`.
    fn scripts(folder: &Path, programs: &[(&str, &str)]) -> Scripts {
        let bin = folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for (name, script) in programs {
            let program = bin.join(name);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Scripts { into: folder.join("into"), path: bin.into(), ..Scripts::here() }
    }

    #[test]
    fn a_toolchain_that_is_missing_is_named_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = scripts(folder.path(), &[]);
        let error = bentocache(&nothing).unwrap_err().to_string();
        assert!(error.starts_with("`node` is not installed: install Node.js"), "{error}");
        let error = cashews(&nothing).unwrap_err().to_string();
        assert!(error.starts_with("`python3` is not installed: install Python"), "{error}");
        let error = bentocache(&scripts(folder.path(), &[("node", "")])).unwrap_err().to_string();
        assert!(error.starts_with("`npm` is not installed"), "{error}");
    }

    #[test]
    fn an_installation_that_fails_is_told_with_what_was_printed() {
        let folder = tempfile::tempdir().unwrap();
        let offline =
            scripts(folder.path(), &[("node", ""), ("npm", "echo getaddrinfo ENOTFOUND >&2; exit 1")]);
        let error = format!("{:#}", bentocache(&offline).unwrap_err());
        assert!(error.starts_with("npm can't install bentocache: "), "{error}");
        assert!(error.contains("getaddrinfo ENOTFOUND"), "{error}");
    }

    #[test]
    fn packages_are_installed_once_for_one_list() {
        let folder = tempfile::tempdir().unwrap();
        let counting = scripts(folder.path(), &[("node", ""), ("npm", "echo run >> runs")]);
        let runs = || fs::read_to_string(folder.path().join("into/bentocache/runs")).unwrap().lines().count();
        let command = bentocache(&counting).unwrap();
        bentocache(&counting).unwrap();
        assert_eq!(runs(), 1);
        assert!(command.get_current_dir().unwrap().join("peer.mjs").is_file());
        fs::write(folder.path().join("into/bentocache/installed-package.json"), "another list").unwrap();
        bentocache(&counting).unwrap();
        assert_eq!(runs(), 2);
    }
}

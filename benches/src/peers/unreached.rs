//! Peers of other ecosystems, which this benchmark would have if their packages could be had: it looks each time,
//! and says what it found.

use std::{ffi::OsStr, fs, path::Path, time::Duration};

use anyhow::anyhow;

use super::install::{Tool, run_tool};

/// How long a package manager may take to say whether it has a package.
const LIMIT: Duration = Duration::from_secs(90);

/// A peer, and how it is looked for.
struct Probe {
    name: &'static str,
    tool: Tool,
    /// Files of a project that depends on the package.
    files: &'static [(&'static str, &'static str)],
    args: &'static [&'static str],
}

/// sturdyc, of Go, which gathers single keys into batches and refreshes early.
const STURDYC: Probe = Probe {
    name: "sturdyc",
    tool: Tool { program: "go", remedy: "install Go 1.22 or newer" },
    files: &[("go.mod", "module peer\n\ngo 1.22\n")],
    args: &["get", "github.com/viccon/sturdyc@v1.1.5"],
};

/// FusionCache, of .NET: memory, a shared tier and a bus, with grace.
const FUSION_CACHE: Probe = Probe {
    name: "FusionCache",
    tool: Tool { program: "dotnet", remedy: "install the SDK of .NET 8 or newer" },
    files: &[(
        "peer.csproj",
        r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup>
  <ItemGroup><PackageReference Include="ZiggyCreatures.FusionCache" Version="2.*" /></ItemGroup>
</Project>
"#,
    )],
    args: &["restore"],
};

/// Returns why sturdyc is left out. `path` is where programs are looked for.
pub fn sturdyc(path: &OsStr) -> String {
    STURDYC.reason(path)
}

/// Returns why FusionCache is left out. `path` is where programs are looked for.
pub fn fusion_cache(path: &OsStr) -> String {
    FUSION_CACHE.reason(path)
}

impl Probe {
    fn reason(&self, path: &OsStr) -> String {
        match self.fetch(path) {
            Ok(()) => format!(
                "`{}` and the package can be had here, but nobody has written the program that measures it: add one to \
                 benches/src/bin/peers",
                self.tool.program
            ),
            Err(error) => format!("{error:#}"),
        }
    }

    /// Lets the package manager fetch the package into a project that is thrown away.
    fn fetch(&self, path: &OsStr) -> anyhow::Result<()> {
        let program = self.tool.find(path)?;
        let project = tempfile::tempdir()?;
        self.write_project(project.path())?;
        run_tool(&program, self.args, project.path(), LIMIT)
            .map_err(|error| anyhow!("{} can't be fetched: {}", self.name, end_of(&format!("{error:#}"))))
    }

    fn write_project(&self, folder: &Path) -> std::io::Result<()> {
        self.files.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
    }
}

/// Returns the end of what was told: what comes before it names hosts and addresses of the network at hand.
fn end_of(told: &str) -> &str {
    told.rsplit(": ").next().unwrap_or(told)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{fusion_cache, sturdyc};

    #[test]
    fn a_toolchain_that_is_missing_is_named_with_a_remedy() {
        let nowhere = tempfile::tempdir().unwrap();
        let reason = sturdyc(nowhere.path().as_os_str());
        assert_eq!(reason, "`go` is not installed: install Go 1.22 or newer");
        let reason = fusion_cache(nowhere.path().as_os_str());
        assert_eq!(reason, "`dotnet` is not installed: install the SDK of .NET 8 or newer");
    }

    #[test]
    fn what_a_package_manager_says_is_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let go = folder.path().join("go");
        let write = |script: &str| {
            fs::write(&go, script).unwrap();
            fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("#!/bin/sh\necho \"no such host for $2\" >&2; exit 1\n");
        let reason = sturdyc(folder.path().as_os_str());
        assert!(reason.starts_with("sturdyc can't be fetched: "), "{reason}");
        assert!(reason.contains("no such host for github.com/viccon/sturdyc"), "{reason}");
        write("#!/bin/sh\ntest -f go.mod\n");
        let reason = sturdyc(folder.path().as_os_str());
        assert!(reason.contains("nobody has written the program"), "{reason}");
    }
}

//! Arrows go down: each crate depends only on crates below it, and `anyhow` stays out of libraries.

use super::Complaint;
use super::tree::Tree;
use crate::workspace::{Dependency, Package};

const CORE: &str = "cache-core";

/// What any crate's own tests may use: private servers, and the suite that every tier passes.
const FOR_TESTS: [&str; 2] = ["servers", "cache-tier-suite"];

/// Crates that depend on the core and on nothing else of ours.
const PILLARS: [&str; 7] = [
    "cache-memory",
    "cache-disk",
    "cache-task",
    "cache-tier-suite",
    "cache-tls",
    "cache-analytics",
    "cache-warming",
];

/// What a crate may depend on besides the core, which is open to all.
#[derive(Debug, Default)]
struct Arrows {
    /// Nothing of ours, not even the core.
    alone: bool,
    always: &'static [&'static str],
    /// Only behind a feature.
    optional: &'static [&'static str],
    /// Only for its own tests.
    dev: &'static [&'static str],
}

/// The arrows of docs/architecture.md, or `None` for a crate that has none there.
fn arrows_of(name: &str) -> Option<Arrows> {
    Some(match name {
        CORE => Arrows::default(),
        pillar if PILLARS.contains(&pillar) => Arrows::default(),
        "cache-config" | "market-calendar" => Arrows { alone: true, ..Arrows::default() },
        "cache-l1-redis" | "cache-l2-pg" => {
            Arrows { always: &["cache-task"], optional: &["cache-tls"], ..Arrows::default() }
        }
        "market-data" => Arrows { always: &["cache-tls", "market-calendar"], ..Arrows::default() },
        "cache-market" => {
            Arrows { always: &["cache-facade", "market-calendar", "market-data"], ..Arrows::default() }
        }
        "cache-macros" => Arrows { dev: &["cache-facade"], ..Arrows::default() },
        "cache-facade" => Arrows {
            always: &["cache-memory"],
            optional: &[
                "cache-config",
                "cache-disk",
                "cache-l1-redis",
                "cache-l2-pg",
                "cache-macros",
                "cache-analytics",
                "cache-warming",
            ],
            dev: &["tests"],
            ..Arrows::default()
        },
        "cache-http" => {
            Arrows { always: &["cache-analytics", "cache-facade", "cache-warming"], ..Arrows::default() }
        }
        "cache-server" => Arrows {
            always: &[
                "cache-analytics",
                "cache-config",
                "cache-facade",
                "cache-http",
                "cache-market",
                "cache-memory",
                "cache-disk",
                "cache-tls",
                "cache-warming",
                "market-calendar",
                "market-data",
            ],
            dev: &["tests"],
            ..Arrows::default()
        },
        _ => return None,
    })
}

/// Complains about each dependency that goes up or sideways, and each crate without arrows.
///
/// Packages outside `crates/` test, measure or build the crates, and may use any of them.
pub(crate) fn check(packages: &[Package], tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in packages.iter().filter(|package| package.is_crate()) {
        let Some(arrows) = arrows_of(&package.name) else {
            let what = format!(
                "`{}` has no arrows: add them to docs/architecture.md and xtask/src/tidy/arrows.rs",
                package.name
            );
            complaints.push(Complaint::new(&package.manifest, 1, what));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = packages.iter().any(|other| other.name == dependency.name);
            let what = if ours { arrow(package, &arrows, dependency) } else { anyhow(package, dependency) };
            complaints.extend(what.map(|what| {
                let line = line_of(tree.text(&package.manifest).unwrap_or(""), &dependency.name);
                Complaint::new(&package.manifest, line, what)
            }));
        }
    }
    complaints
}

/// What is wrong with a dependency on a crate of ours, if anything.
fn arrow(package: &Package, arrows: &Arrows, dependency: &Dependency) -> Option<String> {
    let (from, to) = (package.name.as_str(), dependency.name.as_str());
    let test_only =
        dependency.is_dev() && (from == to || FOR_TESTS.contains(&to) || arrows.dev.contains(&to));
    if (to == CORE && from != CORE && !arrows.alone) || arrows.always.contains(&to) || test_only {
        return None;
    }
    if arrows.optional.contains(&to) {
        let free = dependency.optional || dependency.is_dev();
        return (!free).then(|| format!("`{from}` needs `{to}` always: make it optional, behind a feature"));
    }
    let dev = if dependency.is_dev() { ", not even in tests" } else { "" };
    Some(format!(
        "`{from}` must not depend on `{to}`{dev}: depend on a crate below both, or move what both need into one"
    ))
}

/// What is wrong with a dependency on a foreign crate, if anything.
fn anyhow(package: &Package, dependency: &Dependency) -> Option<String> {
    (dependency.name == "anyhow" && package.name != "cache-server").then(|| {
        format!(
            "`anyhow` in the library `{}`: return cache_core::Error, which callers can match",
            package.name
        )
    })
}

/// The line of the manifest that names the dependency, or the first.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| {
        line.trim_start().strip_prefix(dependency).is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest.lines().position(names).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};
    use crate::workspace::{Dependency, Package};

    /// `dev:x` is a dev-dependency, `opt:x` an optional one.
    fn package(name: &str, dependencies: &[&str]) -> Package {
        let folder = if name.starts_with("cache-") || name.starts_with("market-") { "crates/" } else { "" };
        let dependencies = dependencies.iter().map(|text| {
            let (how, name) = text.split_once(':').unwrap_or(("", text));
            Dependency {
                name: name.to_owned(),
                kind: (how == "dev").then(|| how.to_owned()),
                optional: how == "opt",
            }
        });
        Package {
            name: name.to_owned(),
            description: None,
            dependencies: dependencies.collect(),
            features: Default::default(),
            targets: Vec::new(),
            manifest: format!("{folder}{name}/Cargo.toml"),
        }
    }

    fn complaints(name: &str, dependencies: &[&str]) -> Vec<String> {
        let others = ["core", "memory", "disk", "market", "facade", "server"]
            .map(|other| format!("cache-{other}"))
            .into_iter()
            .chain(
                ["servers", "tests", "cache-tier-suite", "market-calendar", "market-data", "cache-tls"]
                    .map(str::to_owned),
            )
            .filter(|other| other != name)
            .map(|other| package(&other, &[]));
        let packages: Vec<Package> = others.chain([package(name, dependencies)]).collect();
        check(&packages, &Tree::default()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_that_go_down_are_in_order() {
        assert_eq!(complaints("cache-core", &["bytes", "dev:proptest"]), [""; 0]);
        assert_eq!(
            complaints(
                "cache-disk",
                &["cache-core", "dev:cache-core", "dev:servers", "dev:cache-tier-suite", "fjall"]
            ),
            [""; 0]
        );
        let facade = ["cache-core", "cache-memory", "opt:cache-disk", "dev:cache-disk", "dev:tests"];
        assert_eq!(complaints("cache-facade", &facade), [""; 0]);
        assert_eq!(complaints("market-data", &["cache-core", "cache-tls", "market-calendar"]), [""; 0]);
        let market = ["cache-core", "cache-facade", "market-calendar", "market-data"];
        assert_eq!(complaints("cache-market", &market), [""; 0]);
        let server = ["cache-core", "cache-disk", "cache-facade", "cache-market", "market-data", "anyhow"];
        assert_eq!(complaints("cache-server", &server), [""; 0]);
        assert_eq!(complaints("tests", &["cache-core", "cache-disk", "cache-server", "anyhow"]), [""; 0]);
        assert_eq!(complaints("cache-macros", &["dev:cache-facade"]), [""; 0]);
    }

    #[test]
    fn arrows_that_go_up_or_sideways_are_named() {
        for (from, to) in [
            ("cache-core", "cache-memory"),
            ("cache-disk", "cache-memory"),
            ("cache-disk", "dev:cache-memory"),
            ("cache-memory", "cache-facade"),
            ("cache-memory", "dev:cache-facade"),
            ("cache-facade", "cache-market"),
            ("cache-facade", "market-data"),
            ("market-calendar", "cache-core"),
            ("market-calendar", "dev:cache-core"),
            ("market-data", "cache-facade"),
            ("market-data", "cache-market"),
            ("cache-facade", "cache-server"),
            ("cache-macros", "cache-facade"),
            ("cache-disk", "servers"),
            ("cache-disk", "cache-tier-suite"),
            ("cache-disk", "dev:tests"),
        ] {
            let texts = complaints(from, &[to]);
            assert_eq!(texts.len(), 1, "{from} -> {to}: {texts:?}");
            assert!(texts[0].contains(&format!("`{from}` must not depend on `")), "{texts:?}");
        }
    }

    #[test]
    fn the_facade_needs_the_disk_only_by_feature() {
        let texts = complaints("cache-facade", &["cache-disk"]);
        assert!(texts[0].ends_with("make it optional, behind a feature"), "{texts:?}");
    }

    #[test]
    fn a_crate_without_arrows_is_named() {
        let texts = complaints("cache-extra", &["cache-facade"]);
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("crates/cache-extra/Cargo.toml:1: `cache-extra` has no arrows"));
    }

    #[test]
    fn anyhow_is_refused_in_libraries() {
        for dependency in ["anyhow", "dev:anyhow"] {
            let texts = complaints("cache-market", &[dependency]);
            assert!(texts[0].contains("`anyhow` in the library `cache-market`"), "{texts:?}");
        }
    }

    #[test]
    fn the_manifests_line_is_given() {
        let manifest = "[package]\nname = \"cache-core\"\n\n[dependencies]\nbytes.workspace = true\n\
                        cache-memory = { workspace = true }\n";
        let tree = Tree::from([("crates/cache-core/Cargo.toml", manifest)]);
        let packages = [package("cache-core", &["cache-memory"]), package("cache-memory", &[])];
        assert_eq!(check(&packages, &tree)[0].line, 6);
    }
}
